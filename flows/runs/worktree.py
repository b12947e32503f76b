"""A git worktree per run: its own code, params.yaml and dvc.lock, the shared DVC cache."""

import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from flows.runs import record
from flows.runs.record import Record
from touchline.errors import BadInput

GONE = ".gone"  # what ends the name of a worktree that is being removed
NOT_DIRT = ("dvc.lock",)  # a run publishes it; nobody has to commit it before the next


@dataclass(frozen=True)
class Code:
    """What a run starts from: a commit, and the commit that adds a dirty tree's difference."""

    base: str
    commit: str
    patch: str

    @property
    def digest(self) -> str:
        return hashlib.sha256(self.patch.encode()).hexdigest() if self.patch else ""


def root() -> Path:
    """The checkout around the working folder."""
    try:
        return Path(git(Path.cwd(), "rev-parse", "--show-toplevel").strip())
    except subprocess.CalledProcessError:
        raise BadInput(Path.cwd(), "is no git checkout", "run from a clone") from None


def code(root: Path, dirty: bool) -> Code:
    """The commit to run; uncommitted changes are refused, or with `dirty` become a commit."""
    try:
        base = git(root, "rev-parse", "--verify", "HEAD").strip()
    except subprocess.CalledProcessError:
        raise BadInput(root, "has no commit yet", "commit the project first") from None
    changed = changes(root)
    if not changed:
        return Code(base, base, "")
    if not dirty:
        some = ", ".join(changed[:5]) + (" ..." if len(changed) > 5 else "")
        remedy = "commit them, or use --dirty to run with them and record the difference"
        raise BadInput(root.name, f"has uncommitted changes: {some}", remedy)
    commit = _commit_dirt(root, base)
    return Code(base, commit, git(root, "diff", "--binary", base, commit))


def changes(root: Path) -> list[str]:
    """Paths that differ from the last commit, untracked ones included, ignored ones not."""
    skip = [f":(exclude){name}" for name in NOT_DIRT]
    said = git(
        root,
        "status",
        "--porcelain",
        "-z",
        "--no-renames",
        "--untracked-files=all",
        "--",
        ".",
        *skip,
    )
    return [line[3:] for line in said.split("\0") if line]


def _commit_dirt(root: Path, base: str) -> str:
    """Leaves the user's index as it is."""
    with tempfile.TemporaryDirectory() as aside:
        env = {"GIT_INDEX_FILE": str(Path(aside) / "index")}
        git(root, "read-tree", base, env=env)
        git(root, "add", "-A", "--", ".", *[f":(exclude){name}" for name in NOT_DIRT], env=env)
        tree = git(root, "write-tree", env=env).strip()
    return _commit(root, tree, base, "Uncommitted changes of a run")


def open(root: Path, id: str, commit: str, cache: Path) -> Path:
    """Make the worktree, with the lock file of the user's checkout, or else of the last run."""
    folder = record.folder(root) / id
    git(root, "worktree", "add", "--detach", "--quiet", str(folder), commit)
    config = f"[core]\n    site_cache_dir = {folder}/.dvc/tmp/site\n[cache]\n    dir = {cache}\n"
    (folder / ".dvc" / "config.local").write_text(config)
    if (root / "dvc.lock").is_file():
        shutil.copy(root / "dvc.lock", folder)
    elif latest := git(root, "for-each-ref", "--format=%(refname)", "refs/runs/").split():
        _take_lock(root, latest[-1], folder)
    return folder


def _take_lock(root: Path, ref: str, folder: Path) -> None:
    if git(root, "ls-tree", ref, "dvc.lock"):
        (folder / "dvc.lock").write_text(git(root, "show", f"{ref}:dvc.lock"))


def keep(root: Path, run: Record) -> None:
    """Commit code, params.yaml, dvc.lock and the record to `refs/runs/<id>`.

    Raises `BadInput` when the ref is another run's.
    """
    if (other := kept(root, run.id)) and (other.started, other.commit) != (run.started, run.commit):
        wrong = f"another run, begun {other.started}, claims this id in git"
        raise BadInput(f"run {run.id}", wrong, "repeat the run: it then has an id of its own")
    folder = record.folder(root) / run.id
    if fault := lost(folder):
        raise fault
    (folder / "run.json").write_text(run.model_dump_json(indent=2) + "\n")
    git(folder, "add", "-A", "-f", "--", "run.json")
    git(folder, "add", "-A")
    tree = git(folder, "write-tree").strip()
    commit = _commit(root, tree, run.commit, f"Run {run.id}: {run.state}")
    git(root, "update-ref", f"refs/runs/{run.id}", commit)


def lost(folder: Path) -> BadInput | None:
    """The sentence for a worktree that somebody deleted by hand; None while it stands."""
    if (folder / ".git").is_file():  # without it git would take the checkout around it for its own
        return None
    wrong = "this worktree was deleted by hand while it was used"
    return BadInput(folder, wrong, "start again; what a run had made is cached")


def kept(root: Path, id: str) -> Record | None:
    """The record in `refs/runs/<id>`, or None where there is none."""
    try:
        said = git(root, "show", f"refs/runs/{id}:run.json")
    except subprocess.CalledProcessError:
        return None
    return record.parsed(said, id)


def remove(root: Path, id: str) -> None:
    """Remove the worktree, whatever state a kill left it in; products stay in the cache.

    It is renamed first: half of a worktree must never pass for one.
    """
    folder = record.folder(root) / id
    gone = folder.with_name(f".{id}{GONE}")
    if folder.is_dir():
        shutil.rmtree(gone, ignore_errors=True)
        folder.rename(gone)
    sweep(root)


def sweep(root: Path) -> None:
    """Finish what a killed `remove` began."""
    for folder in record.folder(root).glob(f".*{GONE}"):
        shutil.rmtree(folder, ignore_errors=True)
    git(root, "worktree", "prune")


def left(root: Path) -> list[str]:
    """Ids of runs whose worktree is still there."""
    found = [path.name for path in record.folder(root).glob("*") if path.is_dir()]
    return sorted(name for name in found if not name.startswith("."))


def _commit(root: Path, tree: str, parent: str, message: str) -> str:
    who = {"NAME": "touchline", "EMAIL": "touchline@localhost"}
    env = {f"GIT_{role}_{k}": v for role in ("AUTHOR", "COMMITTER") for k, v in who.items()}
    return git(root, "commit-tree", tree, "-p", parent, "-m", message, env=env).strip()


def git(folder: Path, *args: str, env: Mapping[str, str] | None = None) -> str:
    """What git prints; raises CalledProcessError with git's words when it fails."""
    whole = {**os.environ, "GIT_OPTIONAL_LOCKS": "0", **(env or {})}
    return subprocess.run(
        ["git", *args], cwd=folder, env=whole, capture_output=True, text=True, check=True
    ).stdout
