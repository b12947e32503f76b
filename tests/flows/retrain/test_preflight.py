"""A stage that cannot run here stops a run before its first stage, if its door says so."""

import time

import pytest

from flows.retrain import preflight, run
from flows.retrain.run import RetrainRequest
from flows.runs import record, worktree
from flows.runs.dvc_project import PipelineStep
from tests.flows.conftest import Toy
from touchline.errors import InputError

HALL = (
    'import sys\nsys.exit("error: train.lr: no GPU for " + " ".join(sys.argv[1:]) + "; get one")\n'
)


def guarded(toy: Toy, hall: str) -> Toy:
    (toy.root / "hall.py").write_text(hall)
    file = toy.root / "dvc.yaml"
    for name in ("train", "judge"):
        guard = f"  {name}:\n    meta: {{door: hall}}\n"
        file.write_text(file.read_text().replace(f"  {name}:\n", guard))
    toy.git("add", "-A")
    toy.git("commit", "-qm", "Guard")
    return toy


def test_a_door_is_asked_once_for_all_its_stages_before_any_runs(toy: Toy) -> None:
    guarded(toy, HALL)
    began = time.process_time()
    wrong = r"^train.lr: no GPU for train judge; get one$"
    with pytest.raises(InputError, match=wrong), run.open_run(toy.root, RetrainRequest()):
        pass
    assert time.process_time() - began < 5
    assert worktree.list_leftover_worktrees(toy.root) == [] and record.list_runs(toy.root) == []
    assert toy.steps_run() == []


def test_a_door_is_asked_of_what_will_run_only(toy: Toy) -> None:
    guarded(toy, HALL)
    with run.open_run(toy.root, RetrainRequest(stage="make")) as going:
        going.record.state = "failed"
    wrong, request = "no GPU for train;", RetrainRequest(stage="train")
    with pytest.raises(InputError, match=wrong), run.open_run(toy.root, request):
        pass


def test_an_open_door_lets_a_run_begin(toy: Toy) -> None:
    guarded(toy, "")
    with run.open_run(toy.root, RetrainRequest()) as going:
        assert not going.is_idle
        going.record.state = "failed"


def test_a_door_that_breaks_is_named(toy: Toy) -> None:
    guarded(toy, "1 / 0\n")
    wrong = "hall: ZeroDivisionError: division by zero; correct this door"
    with pytest.raises(InputError, match=wrong), run.open_run(toy.root, RetrainRequest()):
        pass


def test_due_is_what_changed_and_what_needs_it() -> None:
    steps = [
        PipelineStep("a", [], False),
        PipelineStep("b", ["a"], True),
        PipelineStep("c", ["b"], False),
    ]
    assert preflight.list_due_stages(steps) == ["b", "c"]
