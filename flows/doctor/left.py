"""What the dead left: records, worktrees, locks, drafts, checkpoints, processes."""

import json
import math
import shutil
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil

from flows.doctor.finding import Finding, ok, some
from flows.retrain import run
from flows.runs import locks as runs_locks
from flows.runs import record, worktree
from touchline import state_dirs


def look(root: Path, full: bool) -> Iterator[Finding]:
    going = runs_locks.owner(root)
    if going is not None:
        yield ok("run", f"process {going} runs here now; what it uses is left alone")
    else:
        yield from _of_runs(root)
    yield from worktrees(root)
    yield drafts(root)
    yield checkpoints()
    yield from slots()


def _of_runs(root: Path) -> Iterator[Finding]:
    """Only while nobody runs here: then whatever says it runs is dead."""
    open_ = [one.id for one in record.every(root) if one.state == "running"]
    left = worktree.left(root)
    if open_ or left:
        wrong = f"killed runs are not closed: {some(sorted({*open_, *left}))}"
        yield Finding(
            "run", "warning", wrong, "`--fix`; the next run does it, too", lambda: tidy(root)
        )
    else:
        yield ok("run", "none is going, none was left open")
    yield from orphans(root)
    yield from locks(root)


def tidy(root: Path) -> None:
    with runs_locks.locked(root):
        run.tidy(root)


def orphans(root: Path) -> Iterator[Finding]:
    """Processes of a stage whose run is gone. They are named, not killed."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.environ().get("TOUCHLINE_ROOT") == str(root):
                found.append(f"{process.pid} ({' '.join(process.cmdline())[:60]})")
    if found:
        remedy = "`kill` them; a supervisor should have"
        yield Finding("processes", "broken", f"of no run: {some(found)}", remedy)


def locks(root: Path) -> Iterator[Finding]:
    """DVC's notes of who reads and writes what, and git's lock of its index."""
    notes = root / ".dvc" / "tmp" / "rwlock"
    dead = _dead(notes)
    if dead:
        wrong = f"DVC's rwlock names processes that are gone: {some(dead)}"
        yield Finding("locks", "warning", wrong, "`--fix`", lambda: _forget(notes, dead))
    index = Path(worktree.git(root, "rev-parse", "--git-path", "index.lock").strip())
    if (root / index).is_file() and not _git_runs():
        wrong = f"{index} is there, and no git process is"
        yield Finding(
            "locks", "broken", wrong, f"`rm {index}`, if no other machine uses this clone"
        )


def _git_runs() -> bool:
    return any(process.info["name"] == "git" for process in psutil.process_iter(["name"]))


def _dead(notes: Path) -> list[str]:
    if not notes.is_file():
        return []
    try:
        said = json.loads(notes.read_text() or "{}")
    except ValueError:
        return ["an unreadable note"]
    writers = list(said.get("write", {}).values())
    readers = [one for many in said.get("read", {}).values() for one in many]
    pids = {one["pid"] for one in writers + readers}
    return sorted(str(pid) for pid in pids if not psutil.pid_exists(pid))


def _forget(notes: Path, dead: list[str]) -> None:
    """Only if all whom it names are gone; DVC makes it anew."""
    if set(_dead(notes)) == set(dead):
        notes.unlink()


def worktrees(root: Path) -> Iterator[Finding]:
    """Those that git still lists although their folder was deleted."""
    said = worktree.git(root, "worktree", "list", "--porcelain").split("\n\n")
    gone = [part.split("\n")[0].removeprefix("worktree ") for part in said if "\nprunable" in part]
    if gone:
        names = [Path(one).name for one in gone]
        yield Finding(
            "worktrees",
            "warning",
            f"deleted by hand, and git does not know: {some(names)}",
            "`--fix`, or `git worktree prune`",
            lambda: _prune(root),
        )


def _prune(root: Path) -> None:
    worktree.git(root, "worktree", "prune")


def drafts(root: Path) -> Finding:
    """Unfinished files of writers that are gone."""
    places = [root / ".touchline", root / "data"]
    found = [path for place in places for path in place.glob("**/.*.part") if _orphaned(path)]
    if not found:
        return ok("drafts", "none was left unfinished")
    names = [str(path.relative_to(root)) for path in found]
    return Finding(
        "drafts", "warning", f"unfinished: {some(names)}", "`--fix`", lambda: _drop(found)
    )


def _orphaned(path: Path) -> bool:
    """`.NAME.PID.part`, and the process is gone."""
    pid = path.name.removesuffix(".part").rpartition(".")[2]
    return pid.isdecimal() and not psutil.pid_exists(int(pid))


def _drop(found: list[Path]) -> None:
    for path in found:
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)


def checkpoints() -> Finding:
    """What abandoned trainings keep."""
    since = time.time() - state_dirs.STALE
    folders = [
        one for one in state_dirs.checkpoint_root().glob("*/*") if one.stat().st_mtime < since
    ]
    if not folders:
        return ok("checkpoints", "none is older than two weeks")
    wrong = f"{len(folders)} trainings were not gone on with for two weeks"
    return Finding("checkpoints", "warning", wrong, "`--fix` removes them", _forget_stale)


def _forget_stale() -> None:
    state_dirs.forget(math.inf)


def slots() -> Iterator[Finding]:
    """Who has the GPU."""
    where = runs_locks.place(bool(record.hardware()["gpus"]))
    if where and not where.startswith("prefect:"):
        who = runs_locks.holder(Path(where))
        yield ok("slot", f"{who} has the GPU" if who else "the GPU is free")
