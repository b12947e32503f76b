"""A late run overwrites nothing, and an id belongs to one run."""

import shutil
import time

import pytest

from flows.retrain import run
from flows.retrain.run import RetrainRequest
from flows.runs import dvc_project, locks, record, worktree
from tests.flows.conftest import Toy
from touchline.errors import InputError


def test_a_late_run_publishes_nothing_and_says_who_was_faster(
    made: Toy, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = (made.root / "dvc.lock").read_bytes()
    forgotten: list[float] = []
    monkeypatch.setattr(run, "remove_old_checkpoints", forgotten.append)
    with run.open_run(made.root, RetrainRequest(sets=("judge.seed=8",))) as late:
        (made.root / ".touchline" / "lock").unlink()  # a disk that lets go of its locks
        with locks.hold_lock(made.root):
            locks.mark_run_started(made.root, "20261128-200000-abcdef")
        (late.folder / "dvc.lock").write_text("stages: {}\n")
        run.complete_run(late)
    assert late.record.state == "failed"
    assert "is late: run 20261128-200000-abcdef has begun since" in late.record.error
    assert (made.root / "dvc.lock").read_bytes() == before and forgotten == []


def test_a_lock_file_that_was_replaced_is_noticed_whatever_the_clock_says(
    toy: Toy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(time, "time", lambda: 0.0)  # it jumped back
    with locks.hold_lock(toy.root) as held:
        locks.mark_run_started(toy.root, "a")
        locks.check_run_is_newest(toy.root, "a", held)
        (toy.root / ".touchline" / "lock").unlink()
        with pytest.raises(
            InputError, match="run a: is late: the lock file was removed or replaced"
        ):
            locks.check_run_is_newest(toy.root, "a", held)


def test_an_id_that_another_run_has_in_git_is_refused_and_the_rest_goes_on(made: Toy) -> None:
    with run.open_run(made.root, RetrainRequest(sets=("judge.seed=8",))) as first:
        first.record.state = "failed"
    ref = f"refs/runs/{first.record.id}"
    before = made.git("rev-parse", ref)
    with run.open_run(made.root, RetrainRequest(sets=("judge.seed=9",))) as second:
        second.record.id, old = first.record.id, second.record.id
        second.record.started = "2026-01-01T00:00:00+00:00"
        shutil.move(record.get_runs_folder(made.root) / old, second.folder)
        second.record.state = "failed"
    assert made.git("rev-parse", ref) == before
    assert "another run, begun " in record.find_run(made.root, first.record.id).error
    assert worktree.list_leftover_worktrees(made.root) == []


def test_a_worktree_that_was_deleted_by_hand_costs_its_run_alone(made: Toy) -> None:
    before = made.git("status", "--porcelain")
    with run.open_run(made.root, RetrainRequest(sets=("judge.seed=8",))) as going:
        (going.folder / ".git").unlink()
        going.record.state = "failed"
    assert "this worktree was deleted by hand" in record.find_run(made.root, "latest").error
    assert (
        made.git("status", "--porcelain") == before
        and worktree.list_leftover_worktrees(made.root) == []
    )
    with run.open_run(made.root, RetrainRequest()) as idle:
        assert idle.is_idle


def test_a_stage_says_which_slot_it_wants(toy: Toy) -> None:
    yaml = toy.root / "dvc.yaml"
    yaml.write_text(yaml.read_text().replace("  train:\n", "  train:\n    meta: {slot: gpu}\n"))
    assert dvc_project.read_stage_slots(toy.root) == {"train": "gpu"}
