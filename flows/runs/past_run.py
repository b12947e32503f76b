"""Find a past run and check its record against the one in git before using it."""

import subprocess
from pathlib import Path

from flows.runs import record, worktree
from flows.runs.record import RunRecord
from touchline.errors import InputError


def find_past_run(root: Path, run_id: str) -> RunRecord:
    """The run of this id. Raises an input error for an unknown run, or if two different runs claim
    the same id.
    """
    run = record.find_run(root, run_id)
    ref_record = worktree.read_ref_record(root, run.id)
    if ref_record and (ref_record.started, ref_record.commit) != (run.started, run.commit):
        wrong = f"two runs claim this id: one began {run.started}, one {ref_record.started}"
        remedy = f"remove .touchline/runs/{run.id}.json or refs/runs/{run.id}"
        raise InputError(f"run {run.id}", wrong, remedy)
    return run


def resolve_run_ref(root: Path, run: RunRecord) -> str:
    """The commit of `refs/runs/ID`, which holds the run's code, parameters and dvc.lock. Raises an
    input error if git does not have it.
    """
    name = f"refs/runs/{run.id}"
    try:
        commit = worktree.run_git(root, "rev-parse", "--verify", "--quiet", f"{name}^{{commit}}")
        worktree.run_git(root, "ls-tree", "-r", commit.strip())
    except subprocess.CalledProcessError:
        remedy = f"fetch it: git fetch REMOTE {name}:{name}"
        raise InputError(f"run {run.id}", f"git has no {name} here", remedy) from None
    return commit.strip()


def read_run_file(root: Path, run_record: RunRecord, path: str) -> bytes:
    """Content of a file in the run's commit; empty bytes if the commit is gone or does not have the
    file.
    """
    for commit in (f"refs/runs/{run_record.id}", run_record.commit):
        command = ["git", "show", f"{commit}:{path}"]
        result = subprocess.run(command, cwd=root, capture_output=True, check=False)
        if result.returncode == 0:
            return result.stdout
    return b""
