"""Find a past run and hold it to what git says of it, before anything is claimed about it."""

import subprocess
from pathlib import Path

from flows.runs import record, worktree
from flows.runs.record import Record
from touchline.errors import BadInput


def find(root: Path, wanted: str) -> Record:
    """The run; a `BadInput` for an unknown one and for two that claim the same id."""
    found = record.find(root, wanted)
    kept = worktree.kept(root, found.id)
    if kept and (kept.started, kept.commit) != (found.started, found.commit):
        wrong = f"two runs claim this id: one began {found.started}, one {kept.started}"
        remedy = f"remove .touchline/runs/{found.id}.json or refs/runs/{found.id}"
        raise BadInput(f"run {found.id}", wrong, remedy)
    return found


def ref(root: Path, found: Record) -> str:
    """The commit that holds the run's code, parameters and lock; a `BadInput` where it is gone."""
    name = f"refs/runs/{found.id}"
    try:
        commit = worktree.git(root, "rev-parse", "--verify", "--quiet", f"{name}^{{commit}}")
        worktree.git(root, "ls-tree", "-r", commit.strip())
    except subprocess.CalledProcessError:
        remedy = f"fetch it: git fetch REMOTE {name}:{name}"
        raise BadInput(f"run {found.id}", f"git has no {name} here", remedy) from None
    return commit.strip()
