"""Close what a killed run left: its record, its ref and its worktree."""

from pathlib import Path

from flows.runs import record, worktree
from flows.runs.record import RunRecord
from touchline.errors import InputError


def clean_up_killed_runs(root: Path) -> list[RunRecord]:
    """Mark runs that were killed as such in their records, and remove their worktrees. Call while
    holding the lock. Returns those runs.
    """
    dead = [run for run in record.list_runs(root) if run.state == "running"]
    for run in dead:
        run.state, run.ended, run.error = (
            "killed",
            record.get_utc_timestamp(),
            run.error or "killed",
        )
        record.write_run_record(root, run)
    for id in worktree.list_leftover_worktrees(root):
        for run in [candidate for candidate in record.list_runs(root) if candidate.id == id]:
            ref_record = worktree.read_ref_record(root, id)
            if not (
                ref_record and (ref_record.started, ref_record.commit) == (run.started, run.commit)
            ):
                commit_run_or_note_error(
                    root, run
                )  # else it was killed while it removed the worktree
        worktree.remove_worktree(root, id)
    worktree.purge_removed_worktrees(root)
    return dead


def commit_run_or_note_error(root: Path, run: RunRecord) -> None:
    """Commit the run to `refs/runs/ID`. If two runs claim the id, the error is added to the record
    instead of raised.
    """
    try:
        worktree.commit_run_ref(root, run)
    except InputError as fault:
        message = f"{run.error}; {fault}" if run.error else str(fault)
        run.error = run.error if str(fault) in run.error else message
        record.write_run_record(root, run)
