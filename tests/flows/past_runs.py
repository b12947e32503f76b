"""Past runs of the toy project without executing anything: records, refs, objects in the cache."""

from flows.retrain import run
from flows.retrain.run import Request
from flows.runs import dvc_project, record
from flows.runs.record import Record
from tests.flows.conftest import Toy


def past(toy: Toy, *sets: str, state: record.State = "completed") -> Record:
    """A run whose products are those of the checkout's dvc.lock."""
    with run.opened(toy.root, Request(sets=sets, force=True, command=("touchline",))) as going:
        for step in going.steps:
            done = dvc_project.describe(going.folder, step.name, "Ran")
            done.seconds, done.cpu_seconds, done.peak_mib = 2.5, 1.5, 40.0
            going.record.stages[step.name] = done
        going.record.versions = {"python": "3.11.2"}
        going.record.hardware = {"cores": 2}
        going.record.state = state
    return going.record
