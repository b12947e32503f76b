"""A worktree that somebody deletes by hand: one sentence, nothing published, the rest goes on."""

import shutil

import pytest

from flows.audit import rerun
from flows.retrain import run, stage_process
from flows.retrain.run import RetrainRequest, RunSession
from flows.runs import locks, record, worktree
from tests.flows.conftest import Toy
from tests.flows.past_runs import past
from touchline.errors import InputError

SENTENCE = "this worktree was deleted by hand while it was used; start again"
VANISHING = "import shutil; from pathlib import Path; shutil.rmtree(Path.cwd())\n"


def reproduced(going: RunSession, name: str) -> record.StageRecord:
    return stage_process.reproduce_stage(going, name, True, {}, lambda *_: None)


def clean(toy: Toy) -> bool:
    return (
        worktree.list_leftover_worktrees(toy.root) == []
        and toy.git("worktree", "list").count("\n") == 0
    )


def test_a_run_whose_worktree_goes_before_a_stage_fails_in_one_sentence(made: Toy) -> None:
    before = (made.root / "dvc.lock").read_bytes()
    with run.open_run(made.root, RetrainRequest(sets=("judge.seed=8",))) as going:
        shutil.rmtree(going.folder)
        done = reproduced(going, "judge")
        assert done.state == "Failed" and SENTENCE in done.error
        going.record.stages["judge"] = done
        going.record.state, going.record.error = "failed", f"judge: {done.error}"
    kept = record.find_run(made.root, "latest")
    assert kept.state == "failed" and kept.error.count(SENTENCE) == 1 and kept.ended
    assert (made.root / "dvc.lock").read_bytes() == before and clean(made)
    with run.open_run(made.root, RetrainRequest()) as idle:
        assert idle.is_idle


def test_a_run_whose_worktree_goes_after_its_last_stage_has_not_succeeded(made: Toy) -> None:
    before = (made.root / "dvc.lock").read_bytes()
    with run.open_run(made.root, RetrainRequest(sets=("judge.seed=8",))) as going:
        shutil.rmtree(going.folder)
        run.complete_run(going)
    kept = record.find_run(made.root, "latest")
    assert kept.state == "failed" and kept.error.count(SENTENCE) == 1
    assert (made.root / "dvc.lock").read_bytes() == before and clean(made)


@pytest.mark.slow
def test_a_worktree_that_goes_while_a_stage_runs_is_no_traceback(
    made: Toy, monkeypatch: pytest.MonkeyPatch
) -> None:
    (made.root / "work.py").write_text(VANISHING)
    made.git("commit", "-qam", "A stage that deletes what it stands on")
    for name, value in made.environment().items():
        monkeypatch.setenv(name, value)
    with run.open_run(made.root, RetrainRequest(stage="make")) as going:
        done = reproduced(going, "make")
        assert not going.folder.exists()
        assert done.state == "Failed" and SENTENCE in done.error
        going.record.state = "failed"
    assert clean(made)


def test_a_verification_whose_worktree_goes_says_so_and_leaves_the_run_as_it_was(
    made: Toy,
) -> None:
    one = past(made)
    before = record.find_run(made.root, one.id)
    with locks.hold_lock(made.root) as held, rerun.open_rerun(made.root, before, held) as going:
        steps = rerun._steps_to_execute(going, before, "judge")
        shutil.rmtree(going.folder)
        with pytest.raises(InputError, match=SENTENCE) as fault:
            rerun._reproduce_stage(going, steps[0], before, 1e-6, {})
        assert fault.value.place == str(going.folder)
    assert clean(made) and record.find_run(made.root, one.id) == before
    assert locks.read_last_started_run(made.root) == one.id
    with run.open_run(made.root, RetrainRequest()) as idle:
        assert idle.is_idle
