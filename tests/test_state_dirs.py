"""Checkpoints: the same inputs find the same folder, changed inputs never do."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from flows.runs import dvc_project
from touchline import state_dirs

STAGE = (
    "from touchline.state_dirs import ensure_checkpoint_folder as f; "
    "print(f('sft'), file=open('out','w'))"
)


def shell(folder: Path, *command: str) -> None:
    env = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    subprocess.run(command, cwd=folder, env=env, check=True, capture_output=True)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A git and DVC project of one stage that writes down its checkpoint folder."""
    monkeypatch.delenv("TOUCHLINE_CHECKPOINTS", raising=False)
    (tmp_path / "stage.py").write_text(STAGE)
    (tmp_path / "params.yaml").write_text("lr: 0.1\n")
    (tmp_path / "dvc.yaml").write_text(
        "stages:\n  sft:\n    cmd: python stage.py\n    deps: [stage.py]\n"
        "    params: [lr]\n    outs: [out]\n"
    )
    shell(tmp_path, "git", "init", "-q")
    shell(tmp_path, "dvc", "init", "-q")
    return tmp_path


def test_the_folder_follows_the_inputs(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shell(project, "dvc", "repro", "-q")
    by_dvc = Path((project / "out").read_text().strip())
    monkeypatch.setenv("DVC_ROOT", str(project))  # as DVC sets it for a stage
    monkeypatch.setenv("DVC_STAGE", "sft")

    def folder(lr: float) -> Path:
        (project / "params.yaml").write_text(f"lr: {lr}\n")
        shell(project, "python", "stage.py")
        return Path((project / "out").read_text().strip())

    (project / "out").unlink()
    assert folder(0.1) == by_dvc != folder(0.2)
    assert by_dvc.parent == project / ".touchline" / "checkpoints" / "sft"
    assert by_dvc.is_dir() and len(by_dvc.name) == state_dirs.KEY_LENGTH


def test_outside_dvc_nothing_is_resumed_unless_a_key_is_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("DVC_ROOT", "DVC_STAGE", "TOUCHLINE_CHECKPOINT_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TOUCHLINE_CHECKPOINTS", str(tmp_path))
    assert state_dirs.ensure_checkpoint_folder("sft") != state_dirs.ensure_checkpoint_folder("sft")
    monkeypatch.setenv("TOUCHLINE_CHECKPOINT_KEY", "abc")
    assert state_dirs.ensure_checkpoint_folder("sft") == tmp_path / "sft" / "abc"


def test_the_key_in_the_lock_file_is_the_one_that_the_stage_had(project: Path) -> None:
    shell(project, "dvc", "repro", "-q")
    by_dvc = Path((project / "out").read_text().strip())
    assert dvc_project.list_checkpoint_keys(project) == {by_dvc.name}
    other = by_dvc.with_name("another")
    other.mkdir()
    assert state_dirs.remove_old_checkpoints(
        time.time() + 60, by_dvc.parents[1], {by_dvc.name}
    ) == [by_dvc]
    assert other.is_dir() and not by_dvc.exists()


def test_only_finished_and_abandoned_attempts_are_forgotten(tmp_path: Path) -> None:
    now = time.time()
    ages = {"finished": 0.0, "interrupted": 3600.0, "abandoned": state_dirs.STALE_SECONDS + 60}
    for name, age in ages.items():
        (tmp_path / "sft" / name).mkdir(parents=True)
        os.utime(tmp_path / "sft" / name, (now - age, now - age))
    gone = state_dirs.remove_old_checkpoints(since=now - 60, root=tmp_path)
    assert [folder.name for folder in gone] == ["abandoned", "finished"]
    assert (tmp_path / "sft" / "interrupted").is_dir()
