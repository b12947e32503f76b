"""The comparison of two runs that `touchline diff` and `touchline bisect` share."""

import subprocess
from pathlib import Path

import pytest

from flows.audit import diff
from flows.nightly import bisect
from flows.runs import changes
from flows.runs.changes import diff_runs
from flows.runs.record import RunRecord, StageRecord, TrackedFile

STARTED = "2026-11-01T20:00:00+00:00"


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    for number in (1, 2):
        (tmp_path / "requirements.lock").write_text(f"torch=={number}.0\nnumpy==2.0; sys\n")
        for command in (["init", "-q"], ["add", "-A"], ["commit", "-qm", f"commit {number}"]):
            git(tmp_path, *command)
    return tmp_path


def git(folder: Path, *args: str) -> str:
    identity = ["-c", "user.name=a", "-c", "user.email=a@localhost"]
    return subprocess.check_output(["git", *identity, *args], cwd=folder, text=True).strip()


def made_run(id: str, commit: str, lr: float = 0.1, digest: str = "a") -> RunRecord:
    files = [
        TrackedFile(path="work.py", md5=digest, size=1),
        TrackedFile(path="ask.txt", md5="b", size=1),
    ]
    products = [TrackedFile(path="data/model", md5=digest, size=1)]
    return RunRecord(
        id=id,
        started=STARTED,
        command=[],
        commit=commit,
        params={"sft": {"lr": lr}},
        stages={"sft": StageRecord(state="Ran", inputs=files, products=products)},
    )


def test_runs_differ_in_commits_code_parameters_products_and_packages(checkout: Path) -> None:
    first, second = git(checkout, "rev-list", "--reverse", "HEAD").split()
    difference = diff_runs(
        checkout, made_run("one", first), made_run("two", second, lr=0.2, digest="c")
    )
    assert [line.split(" ", 1)[1] for line in difference.new_commits] == ["commit 2"]
    assert difference.old_commits == [] and difference.patch == {}
    assert difference.params == {"sft.lr": (0.1, 0.2)}
    assert difference.products == {"data/model": ("a", "c")}
    assert difference.inputs == {"sft": {"work.py": ("a", "c")}}
    assert difference.packages == {"torch": ("1.0", "2.0")}


def test_a_commit_of_another_machine_is_named_by_its_id(checkout: Path) -> None:
    known = git(checkout, "rev-parse", "HEAD")
    difference = diff_runs(checkout, made_run("one", known), made_run("two", "f" * 40))
    assert difference.new_commits == ["f" * 12] and difference.old_commits == [known[:12]]


def test_a_fault_of_git_is_not_taken_for_a_commit_of_another_machine(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = git(checkout, "rev-parse", "HEAD")
    monkeypatch.setenv("PATH", "")
    with pytest.raises(FileNotFoundError):
        diff_runs(checkout, made_run("one", known), made_run("two", "f" * 40))


def test_diff_and_bisect_share_one_comparison() -> None:
    assert diff.diff_runs is bisect.diff_runs is changes.diff_runs
