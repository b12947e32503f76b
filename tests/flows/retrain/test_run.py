"""A run from request to record, without a server: code, lock, worktree, idleness, clean-up."""

import dataclasses
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from flows.retrain import console, run, stage_process
from flows.retrain import run as retrain_run
from flows.retrain.run import RetrainRequest
from flows.runs import dvc_project, locks, record, supervised, worktree
from flows.runs.killed_runs import clean_up_killed_runs
from flows.services import environment
from tests.flows.conftest import Toy
from touchline.errors import InputError


def test_uncommitted_changes_are_refused_by_name(toy: Toy) -> None:
    (toy.root / "work.py").write_text("x = 1\n")
    (toy.root / "new.py").write_text("y = 1\n")
    with pytest.raises(InputError, match=r"uncommitted changes: work.py, new.py; commit them, or"):
        worktree.resolve_run_code(toy.root, dirty=False)


def test_a_lock_file_and_products_are_no_uncommitted_changes(made: Toy) -> None:
    assert worktree.list_uncommitted_changes(made.root) == []
    code = worktree.resolve_run_code(made.root, dirty=False)
    assert code.base == code.commit == made.git("rev-parse", "HEAD") and not code.digest


def test_dirty_changes_run_and_are_recorded_but_stay_uncommitted(toy: Toy) -> None:
    (toy.root / "new.py").write_text("y = 1\n")
    (toy.root / "work.py").write_text("x = 1\n")
    toy.git("rm", "-q", "--cached", "params.yaml")
    before = toy.git("status", "--porcelain")
    with run.open_run(toy.root, RetrainRequest(dirty=True)) as going:
        assert (going.folder / "new.py").read_text() == "y = 1\n"
        assert (going.folder / "work.py").read_text() == "x = 1\n"
        going.record.state = "failed"
    assert toy.git("status", "--porcelain") == before
    kept = f"refs/runs/{going.record.id}"
    assert toy.git("show", f"{kept}:new.py") == "y = 1"
    assert "+y = 1" in record.find_run(toy.root, "latest").patch
    assert toy.git("rev-parse", f"{kept}^") == toy.git("rev-parse", "HEAD")


def test_a_second_run_is_refused_while_one_is_going(toy: Toy) -> None:
    with locks.hold_lock(toy.root):
        assert locks.read_lock_owner(toy.root) == os.getpid()
        mine = rf"a run is going on \(process {os.getpid()}\); wait"
        with pytest.raises(InputError, match=mine), locks.hold_lock(toy.root):
            pass
    assert locks.read_lock_owner(toy.root) is None


def test_a_killed_owner_frees_the_lock(toy: Toy) -> None:
    hold = (
        "import pathlib, time\nfrom flows.runs import locks\n"
        f"with locks.hold_lock(pathlib.Path({str(toy.root)!r})):\n"
        "    print(1, flush=True); time.sleep(60)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", hold], env=toy.environment(), stdout=subprocess.PIPE
    ) as owner:
        assert owner.stdout and owner.stdout.readline()
        owner.kill()
    with locks.hold_lock(toy.root):
        pass


def test_products_of_a_plain_repro_need_no_run(made: Toy) -> None:
    began = time.process_time()
    with run.open_run(made.root, RetrainRequest()) as going:
        assert going.is_idle
        assert retrain_run.format_idle_run(going) == "nothing to do: all 3 stages unchanged"
    assert time.process_time() - began < 5
    assert record.list_runs(made.root) == [] and worktree.list_leftover_worktrees(made.root) == []
    assert made.git("for-each-ref", "refs/runs") == ""


def test_an_override_changes_its_stage_and_is_in_the_record_only(made: Toy) -> None:
    with run.open_run(made.root, RetrainRequest(sets=("judge.seed=8",))) as going:
        assert [step.name for step in going.steps if step.changed] == ["judge"]
        assert dvc_project.predict_stage_outcome(going.folder, "judge") == "Ran"
        assert dvc_project.predict_stage_outcome(going.folder, "train") == "Unchanged"
        going.record.state = "failed"
    kept = made.git("show", f"refs/runs/{going.record.id}:params.yaml")
    assert "seed: 8" in kept and "# files" in kept
    assert "seed: 7" in (made.root / "params.yaml").read_text()
    written = json.loads(made.git("show", f"refs/runs/{going.record.id}:run.json"))
    assert written["overrides"] == {"judge.seed": 8}


def test_a_stage_is_run_with_what_it_needs_and_no_more(toy: Toy) -> None:
    with run.open_run(toy.root, RetrainRequest(stage="train")) as going:
        assert [step.name for step in going.steps] == ["make", "train"]
        going.record.state = "failed"
    wrong = "there is no such stage; known are make, train, judge"
    with (
        pytest.raises(InputError, match=wrong),
        run.open_run(toy.root, RetrainRequest(stage="tarin")),
    ):
        pass
    assert worktree.list_leftover_worktrees(toy.root) == []


def test_what_a_killed_run_left_is_cleaned_up_and_recorded(toy: Toy) -> None:
    begin = (
        "import os, pathlib, signal\nfrom flows.retrain import run\n"
        f"with run.open_run(pathlib.Path({str(toy.root)!r}), run.RetrainRequest()) as going:\n"
        "    os.kill(os.getpid(), signal.SIGKILL)"
    )
    done = subprocess.run([sys.executable, "-c", begin], cwd=toy.root, env=toy.environment())
    assert done.returncode == -signal.SIGKILL
    (id,) = worktree.list_leftover_worktrees(toy.root)
    with locks.hold_lock(toy.root):
        clean_up_killed_runs(toy.root)
    assert record.find_run(toy.root, id).state == "killed"
    assert (
        worktree.list_leftover_worktrees(toy.root) == []
        and toy.git("worktree", "list").count("\n") == 0
    )
    assert toy.git("show", f"refs/runs/{id}:run.json")


def test_products_are_shown_again_after_they_were_deleted(made: Toy) -> None:
    report = made.root / "data" / "report.html"
    report.unlink()
    (made.root / "data" / "metrics" / "make.json").unlink()
    with run.open_run(made.root, RetrainRequest()) as going:
        assert going.is_idle
        run.publish_products(going)
    assert report.is_file()
    assert (made.root / "data" / "metrics" / "make.json").read_text() == '{"rows": 3}'


def test_products_that_the_user_changed_are_spared(made: Toy) -> None:
    report = made.root / "data" / "report.html"
    report.unlink()
    report.write_text("my own words")
    with (
        run.open_run(made.root, RetrainRequest()) as going,
        pytest.raises(InputError, match="move it away"),
    ):
        run.publish_products(going)
    assert report.read_text() == "my own words"


def test_half_of_a_removed_worktree_passes_for_none(toy: Toy) -> None:
    with run.open_run(toy.root, RetrainRequest()) as going:
        going.record.state = "failed"
    id, before = going.record.id, toy.git("show-ref")
    for name in (id, f".{id}.gone"):  # killed while it was removed: before and after its name went
        (record.get_runs_folder(toy.root) / name / "data").mkdir(parents=True)
    with locks.hold_lock(toy.root):
        clean_up_killed_runs(toy.root)
    assert toy.git("show-ref") == before and toy.git("status", "--porcelain") == ""
    assert not [path for path in record.get_runs_folder(toy.root).iterdir() if path.is_dir()]


def test_a_run_stops_even_where_nothing_can_be_written(toy: Toy) -> None:
    begin = (
        "import os, pathlib, shutil, signal, time\nfrom flows.retrain import run\n"
        f"with run.open_run(pathlib.Path({str(toy.root)!r}), run.RetrainRequest()) as going:\n"
        "    run.install_stop_handlers(going)\n"
        "    shutil.rmtree(going.folder.parent)\n"
        "    going.folder.parent.write_text('no folder')\n"
        "    os.kill(os.getpid(), signal.SIGTERM)\n    time.sleep(60)"
    )
    done = subprocess.run([sys.executable, "-c", begin], cwd=toy.root, env=toy.environment())
    assert done.returncode == 128 + signal.SIGTERM


def test_a_run_whose_end_mlflow_never_heard_of_keeps_its_pid(toy: Toy) -> None:
    for told in (False, True):
        with run.open_run(toy.root, RetrainRequest()) as going:
            going.record.state, going.record.tracking_run = "failed", "abc"
            going.end_reported = told
        assert bool(record.find_run(toy.root, going.record.id).pid) is not told


def test_a_lock_that_was_taken_this_moment_names_nobody(toy: Toy) -> None:
    with locks.hold_lock(toy.root):
        (toy.root / ".touchline" / "lock").write_text("")
        assert locks.read_lock_owner(toy.root) == 0


def test_a_run_with_nothing_to_do_lets_go_of_what_a_killed_one_left(
    made: Toy, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(made.root)
    for name, value in environment.build_default_environment(made.root / ".touchline").items():
        monkeypatch.setenv(name, value)
    checkpoints = made.root / ".touchline" / "checkpoints"
    monkeypatch.setenv("TOUCHLINE_CHECKPOINTS", str(checkpoints))
    key = sorted(dvc_project.list_checkpoint_keys(made.root))[0]
    left, other = checkpoints / "train" / key, checkpoints / "train" / "of-another-setting"
    for folder in (left, other):
        folder.mkdir(parents=True)
        os.utime(folder, (time.time() - 60,) * 2)
    assert console.run_retrain(RetrainRequest()) == 0
    assert "nothing to do" in capsys.readouterr().out
    assert not left.exists() and other.exists()


@pytest.mark.slow
@pytest.mark.parametrize("committed", [True, False])
def test_a_kill_of_dvc_behind_the_stage_costs_nothing_and_one_before_is_a_failure(
    toy: Toy, monkeypatch: pytest.MonkeyPatch, committed: bool
) -> None:
    plain = supervised.run_supervised

    def killed(argv: list[str], folder: Path, *args: Any, **more: Any) -> supervised.ProcessOutcome:
        done = (
            plain(argv, folder, *args, **more)
            if committed
            else supervised.ProcessOutcome(0, 0, 0, 0)
        )
        about = {"pid": os.getpid(), "cmd": "dvc, killed and not reaped yet"}
        busy = {str(folder / "data" / "metrics" / "make.json"): about}
        (folder / ".dvc" / "tmp").mkdir(exist_ok=True)
        (folder / ".dvc" / "tmp" / "rwlock").write_text(json.dumps({"write": busy}))
        return dataclasses.replace(done, status=-9)

    with run.open_run(toy.root, RetrainRequest()) as going:
        with monkeypatch.context() as patch:
            patch.setattr(supervised, "run_supervised", killed)
            done = stage_process.reproduce_stage(going, "make", False, {}, lambda *_: None)
        diary = {"TOY_DIARY": str(toy.diary)}
        after = (
            stage_process.reproduce_stage(going, "train", False, diary, lambda *_: None)
            if committed
            else None
        )
        going.record.state = "failed"
    lost = "killed by signal 9, memory may have run out"
    assert (done.state, done.error) == (("Ran", "") if committed else ("Failed", lost))
    assert after is None or after.state == "Ran", "the next stage goes on behind the dead one"


@pytest.mark.slow
def test_a_forced_stage_whose_dvc_was_killed_and_that_changed_nothing_is_a_failure(
    toy: Toy, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = supervised.run_supervised

    def killed(*args: Any, **more: Any) -> supervised.ProcessOutcome:
        return dataclasses.replace(plain(*args, **more), status=-9)

    with run.open_run(toy.root, RetrainRequest()) as going:
        first = stage_process.reproduce_stage(going, "make", False, {}, lambda *_: None)
        monkeypatch.setattr(supervised, "run_supervised", killed)
        again = stage_process.reproduce_stage(going, "make", True, {}, lambda *_: None)
        going.record.state = "failed"
    lost = "killed by signal 9, memory may have run out"
    assert (first.state, again.state, again.error) == ("Ran", "Failed", lost)
