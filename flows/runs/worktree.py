"""One git worktree per run, with its own code, params.yaml and dvc.lock, and the
shared DVC cache.
"""

import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from flows.runs import record
from flows.runs.record import RunRecord
from touchline.errors import InputError

REMOVED_SUFFIX = ".gone"  # what ends the name of a worktree that is being removed
RAW_FILES = "data/raw_files.json"  # what the sources read, listed before a run
IGNORED_CHANGES = ("dvc.lock",)  # a run publishes it; nobody has to commit it before the next


@dataclass(frozen=True)
class RunCode:
    """The code of a run: the base commit, the commit that includes uncommitted changes, and the
    patch between them.
    """

    base: str
    commit: str
    patch: str

    @property
    def digest(self) -> str:
        return hashlib.sha256(self.patch.encode()).hexdigest() if self.patch else ""


def find_checkout() -> Path:
    """Top folder of the git checkout that contains the working directory. Raises an input error
    outside a checkout.
    """
    try:
        return Path(run_git(Path.cwd(), "rev-parse", "--show-toplevel").strip())
    except subprocess.CalledProcessError:
        raise InputError(Path.cwd(), "is not a git checkout", "run from a clone") from None


def resolve_run_code(root: Path, dirty: bool) -> RunCode:
    """The commit to run. Uncommitted changes raise an input error, or are committed aside if
    `dirty`.
    """
    try:
        base = run_git(root, "rev-parse", "--verify", "HEAD").strip()
    except subprocess.CalledProcessError:
        raise InputError(root, "has no commit yet", "commit the project first") from None
    changed = list_uncommitted_changes(root)
    if not changed:
        return RunCode(base, base, "")
    if not dirty:
        some = ", ".join(changed[:5]) + (" ..." if len(changed) > 5 else "")
        remedy = "commit them, or use --dirty to run with them and record the difference"
        raise InputError(root.name, f"has uncommitted changes: {some}", remedy)
    commit = _commit_uncommitted(root, base)
    return RunCode(base, commit, run_git(root, "diff", "--binary", base, commit))


def list_uncommitted_changes(root: Path) -> list[str]:
    """Paths that differ from the last commit, untracked ones included, ignored ones not."""
    skip = [f":(exclude){name}" for name in IGNORED_CHANGES]
    status = run_git(
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
    return [line[3:] for line in status.split("\0") if line]


def _commit_uncommitted(root: Path, base: str) -> str:
    """Commit the uncommitted changes through a temporary index; the user's index stays as it is."""
    with tempfile.TemporaryDirectory() as aside:
        env = {"GIT_INDEX_FILE": str(Path(aside) / "index")}
        run_git(root, "read-tree", base, env=env)
        run_git(
            root,
            "add",
            "-A",
            "--",
            ".",
            *[f":(exclude){name}" for name in IGNORED_CHANGES],
            env=env,
        )
        tree = run_git(root, "write-tree", env=env).strip()
    return _commit_tree(root, tree, base, "Uncommitted changes of a run")


def create_worktree(root: Path, id: str, commit: str, cache: Path) -> Path:
    """Create the worktree, with the user's dvc.lock, or else that of the last run. Returns its
    folder.
    """
    folder = record.get_runs_folder(root) / id
    run_git(root, "worktree", "add", "--detach", "--quiet", str(folder), commit)
    config = f"[core]\n    site_cache_dir = {folder}/.dvc/tmp/site\n[cache]\n    dir = {cache}\n"
    (folder / ".dvc" / "config.local").write_text(config)
    if (root / "dvc.lock").is_file():
        shutil.copy(root / "dvc.lock", folder)
    elif latest := run_git(root, "for-each-ref", "--format=%(refname)", "refs/runs/").split():
        _copy_dvc_lock(root, latest[-1], folder)
    return folder


def _copy_dvc_lock(root: Path, ref: str, folder: Path) -> None:
    if run_git(root, "ls-tree", ref, "dvc.lock"):
        (folder / "dvc.lock").write_text(run_git(root, "show", f"{ref}:dvc.lock"))


def commit_run_ref(root: Path, run: RunRecord) -> None:
    """Commit code, params.yaml, dvc.lock, the list of raw files and the run's record to
    `refs/runs/ID`. Raises an input error if the ref belongs to another run or the worktree is
    missing.
    """
    if (other := read_ref_record(root, run.id)) and (other.started, other.commit) != (
        run.started,
        run.commit,
    ):
        wrong = f"another run, begun {other.started}, claims this id in git"
        raise InputError(f"run {run.id}", wrong, "repeat the run: it then has an id of its own")
    folder = record.get_runs_folder(root) / run.id
    if fault := find_worktree_error(folder):
        raise fault
    (folder / "run.json").write_text(run.model_dump_json(indent=2) + "\n")
    kept_files = [name for name in ("run.json", RAW_FILES) if (folder / name).is_file()]
    run_git(folder, "add", "-A", "-f", "--", *kept_files)
    run_git(folder, "add", "-A")
    tree = run_git(folder, "write-tree").strip()
    commit = _commit_tree(root, tree, run.commit, f"Run {run.id}: {run.state}")
    run_git(root, "update-ref", f"refs/runs/{run.id}", commit)


def find_worktree_error(folder: Path) -> InputError | None:
    """The input error for a worktree that was deleted by hand; None if it exists."""
    if (folder / ".git").is_file():  # without it git would take the checkout around it for its own
        return None
    wrong = "this worktree was deleted by hand while it was used"
    return InputError(folder, wrong, "start again; what a run had made is cached")


def read_ref_record(root: Path, id: str) -> RunRecord | None:
    """The record in `refs/runs/ID`, or None if there is none."""
    try:
        text = run_git(root, "show", f"refs/runs/{id}:run.json")
    except subprocess.CalledProcessError:
        return None
    return record.parse_run_record(text, id)


def remove_worktree(root: Path, id: str) -> None:
    """Remove a run's worktree, in whatever state it is; products stay in the cache.

    The folder is renamed first, so that a half-deleted worktree is never taken for a complete one.
    """
    folder = record.get_runs_folder(root) / id
    renamed = folder.with_name(f".{id}{REMOVED_SUFFIX}")
    if folder.is_dir():
        shutil.rmtree(renamed, ignore_errors=True)
        folder.rename(renamed)
    purge_removed_worktrees(root)


def purge_removed_worktrees(root: Path) -> None:
    """Delete worktrees whose removal was interrupted."""
    for folder in record.get_runs_folder(root).glob(f".*{REMOVED_SUFFIX}"):
        shutil.rmtree(folder, ignore_errors=True)
    run_git(root, "worktree", "prune")


def list_leftover_worktrees(root: Path) -> list[str]:
    """Ids of the runs whose worktree still exists."""
    names = [path.name for path in record.get_runs_folder(root).glob("*") if path.is_dir()]
    return sorted(name for name in names if not name.startswith("."))


def _commit_tree(root: Path, tree: str, parent: str, message: str) -> str:
    who = {"NAME": "touchline", "EMAIL": "touchline@localhost"}
    env = {f"GIT_{role}_{k}": v for role in ("AUTHOR", "COMMITTER") for k, v in who.items()}
    return run_git(root, "commit-tree", tree, "-p", parent, "-m", message, env=env).strip()


def run_git(folder: Path, *args: str, env: Mapping[str, str] | None = None) -> str:
    """Run git and return its standard output. Raises CalledProcessError if it fails."""
    environment = {**os.environ, "GIT_OPTIONAL_LOCKS": "0", **(env or {})}
    return subprocess.run(
        ["git", *args], cwd=folder, env=environment, capture_output=True, text=True, check=True
    ).stdout
