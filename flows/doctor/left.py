"""Doctor checks for leftovers of killed processes: records, worktrees, locks, drafts, checkpoints,
processes.
"""

import json
import math
import shutil
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil

from flows.doctor.finding import DoctorFinding, list_first_names, report_ok
from flows.runs import locks as runs_locks
from flows.runs import record, worktree
from flows.runs.killed_runs import clean_up_killed_runs
from touchline import state_dirs


def examine_leftovers(root: Path, full: bool) -> Iterator[DoctorFinding]:
    """Check for leftovers; those of runs are skipped while a run is going here."""
    running_pid = runs_locks.read_lock_owner(root)
    if running_pid is not None:
        yield report_ok("run", f"process {running_pid} runs here now; what it uses is left alone")
    else:
        yield from _check_open_runs(root)
    yield from check_worktrees(root)
    yield check_unfinished_drafts(root)
    yield check_stale_checkpoints()
    yield from check_gpu_slot()


def _check_open_runs(root: Path) -> Iterator[DoctorFinding]:
    """Findings about runs, called only while none is going: a record that still says `running` is
    of a killed run.
    """
    open_runs = [
        run_record.id for run_record in record.list_runs(root) if run_record.state == "running"
    ]
    left_worktrees = worktree.list_leftover_worktrees(root)
    if open_runs or left_worktrees:
        problem = (
            f"killed runs are not closed: {list_first_names(sorted({*open_runs, *left_worktrees}))}"
        )
        yield DoctorFinding(
            "run",
            "warning",
            problem,
            "`--fix`; the next run does it, too",
            lambda: close_runs_under_lock(root),
        )
    else:
        yield report_ok("run", "none is going, none was left open")
    yield from check_orphan_processes(root)
    yield from check_stale_locks(root)


def close_runs_under_lock(root: Path) -> None:
    """Close the records of killed runs while holding the run lock."""
    with runs_locks.hold_lock(root):
        clean_up_killed_runs(root)


def check_orphan_processes(root: Path) -> Iterator[DoctorFinding]:
    """Stage processes whose run has ended. They are reported, not killed."""
    descriptions = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.environ().get("TOUCHLINE_ROOT") == str(root):
                descriptions.append(f"{process.pid} ({' '.join(process.cmdline())[:60]})")
    if descriptions:
        remedy = "`kill` them; a supervisor should have"
        yield DoctorFinding(
            "processes", "broken", f"of no run: {list_first_names(descriptions)}", remedy
        )


def check_stale_locks(root: Path) -> Iterator[DoctorFinding]:
    """Entries of dead processes in DVC's rwlock, and a stale index.lock of git."""
    notes = root / ".dvc" / "tmp" / "rwlock"
    dead_pids = _dead_lock_owners(notes)
    if dead_pids:
        problem = f"DVC's rwlock names processes that are gone: {list_first_names(dead_pids)}"
        yield DoctorFinding(
            "locks", "warning", problem, "`--fix`", lambda: _remove_rwlock(notes, dead_pids)
        )
    index = Path(worktree.run_git(root, "rev-parse", "--git-path", "index.lock").strip())
    if (root / index).is_file() and not _is_git_running():
        problem = f"{index} is there, and no git process is"
        yield DoctorFinding(
            "locks", "broken", problem, f"`rm {index}`, if no other machine uses this clone"
        )


def _is_git_running() -> bool:
    return any(process.info["name"] == "git" for process in psutil.process_iter(["name"]))


def _dead_lock_owners(notes: Path) -> list[str]:
    if not notes.is_file():
        return []
    try:
        entries = json.loads(notes.read_text() or "{}")
    except ValueError:
        return ["an unreadable note"]
    writers = list(entries.get("write", {}).values())
    readers = [entry for group in entries.get("read", {}).values() for entry in group]
    pids = {entry["pid"] for entry in writers + readers}
    return sorted(str(pid) for pid in pids if not psutil.pid_exists(pid))


def _remove_rwlock(notes: Path, dead_pids: list[str]) -> None:
    """Delete DVC's rwlock if all processes in it are still the dead ones; DVC recreates it."""
    if set(_dead_lock_owners(notes)) == set(dead_pids):
        notes.unlink()


def check_worktrees(root: Path) -> Iterator[DoctorFinding]:
    """Worktrees that git still lists although their folder was deleted."""
    listing = worktree.run_git(root, "worktree", "list", "--porcelain").split("\n\n")
    deleted_paths = [
        part.split("\n")[0].removeprefix("worktree ") for part in listing if "\nprunable" in part
    ]
    if deleted_paths:
        names = [Path(deleted_path).name for deleted_path in deleted_paths]
        yield DoctorFinding(
            "worktrees",
            "warning",
            f"deleted by hand, and git does not know: {list_first_names(names)}",
            "`--fix`, or `git worktree prune`",
            lambda: _prune_worktrees(root),
        )


def _prune_worktrees(root: Path) -> None:
    worktree.run_git(root, "worktree", "prune")


def check_unfinished_drafts(root: Path) -> DoctorFinding:
    """Unfinished `.NAME.PID.part` files of processes that have ended."""
    places = [root / ".touchline", root / "data"]
    draft_paths = [
        path for place in places for path in place.glob("**/.*.part") if _is_orphaned_draft(path)
    ]
    if not draft_paths:
        return report_ok("drafts", "none was left unfinished")
    names = [str(path.relative_to(root)) for path in draft_paths]
    return DoctorFinding(
        "drafts",
        "warning",
        f"unfinished: {list_first_names(names)}",
        "`--fix`",
        lambda: _remove_drafts(draft_paths),
    )


def _is_orphaned_draft(path: Path) -> bool:
    """Whether the process in the name `.NAME.PID.part` has ended."""
    pid = path.name.removesuffix(".part").rpartition(".")[2]
    return pid.isdecimal() and not psutil.pid_exists(int(pid))


def _remove_drafts(draft_paths: list[Path]) -> None:
    for path in draft_paths:
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)


def check_stale_checkpoints() -> DoctorFinding:
    """Checkpoints of trainings that were not continued for two weeks."""
    since = time.time() - state_dirs.STALE_SECONDS
    folders = [
        checkpoint
        for checkpoint in state_dirs.get_checkpoint_root().glob("*/*")
        if checkpoint.stat().st_mtime < since
    ]
    if not folders:
        return report_ok("checkpoints", "none is older than two weeks")
    problem = f"{len(folders)} trainings were not gone on with for two weeks"
    return DoctorFinding(
        "checkpoints", "warning", problem, "`--fix` removes them", _remove_stale_checkpoints
    )


def _remove_stale_checkpoints() -> None:
    state_dirs.remove_old_checkpoints(math.inf)


def check_gpu_slot() -> Iterator[DoctorFinding]:
    """Which process holds the GPU slot."""
    slot_address = runs_locks.resolve_gpu_slot(bool(record.detect_hardware()["gpus"]))
    if slot_address and not slot_address.startswith("prefect:"):
        holder = runs_locks.read_gpu_slot_holder(Path(slot_address))
        yield report_ok("slot", f"{holder} has the GPU" if holder else "the GPU is free")
