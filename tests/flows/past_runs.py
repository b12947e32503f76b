"""Past runs of the toy project without executing anything: records, refs, objects in the cache."""

from flows.retrain import run
from flows.retrain.run import RetrainRequest
from flows.runs import dvc_project, record
from flows.runs.record import RunRecord
from tests.flows.conftest import Toy


def past(toy: Toy, *sets: str, state: record.RunState = "completed") -> RunRecord:
    """A run whose products are those of the checkout's dvc.lock."""
    with run.open_run(
        toy.root, RetrainRequest(sets=sets, force=True, command=("touchline",))
    ) as going:
        for step in going.steps:
            done = dvc_project.describe_stage(going.folder, step.name, "Ran")
            done.seconds, done.cpu_seconds, done.peak_mib = 2.5, 1.5, 40.0
            going.record.stages[step.name] = done
        going.record.versions = {"python": "3.11.2"}
        going.record.hardware = {"cores": 2}
        going.record.state = state
    return going.record
