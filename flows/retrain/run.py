"""The session of a run, from its request to its record: one at a time per checkout, in its own git
worktree.
"""

import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import FrameType

from flows.retrain import preflight
from flows.runs import dvc_project, locks, overrides, raw_files, record, terminal, worktree
from flows.runs.dvc_project import PipelineStep
from flows.runs.killed_runs import clean_up_killed_runs, commit_run_or_note_error
from flows.runs.locks import hold_lock
from flows.runs.record import RunRecord
from touchline.atomic import atomic_file
from touchline.errors import InputError
from touchline.state_dirs import get_checkpoint_root, remove_old_checkpoints


@dataclass(frozen=True)
class RetrainRequest:
    """What the command line or a deployment requests of a retrain."""

    preset: str | None = None
    sets: tuple[str, ...] = ()
    stage: str | None = None
    dirty: bool = False
    force: bool = False
    command: tuple[str, ...] = ()


@dataclass
class RunSession:
    """A run in progress."""

    root: Path
    request: RetrainRequest
    record: RunRecord
    steps: list[PipelineStep]
    lock: int  # descriptor; whoever inherits it holds the lock as well
    began: float = field(default_factory=time.time)
    end_reported: bool = False  # Prefect and MLflow know how it ended

    @property
    def folder(self) -> Path:
        return record.get_runs_folder(self.root) / self.record.id

    @property
    def log(self) -> Path:
        return self.folder.with_suffix(".log")

    @property
    def is_idle(self) -> bool:
        return not any(step.changed for step in self.steps)

    def save(self) -> None:
        record.write_run_record(self.root, self.record)


_prepared_run: ContextVar[RunSession | None] = ContextVar("prepared run", default=None)


@contextmanager
def open_run(root: Path, request: RetrainRequest) -> Iterator[RunSession]:
    """Context manager: hold the lock, clean up after killed runs, create the worktree, and write
    the record at the end.

    A run with nothing to do leaves no record. An interrupted run leaves its worktree to
    `clean_up_killed_runs`, so that the machine is free at once.
    """
    with hold_lock(root) as lock_fd:
        clean_up_killed_runs(root)
        run = _prepare_run(root, request, lock_fd)
        if not run.is_idle:
            run.save()
        try:
            yield run
        except BaseException:  # the record must be closed at any end; it is raised again
            _close_record(run, "killed" if run.record.state == "running" else run.record.state)
            raise
        if run.is_idle:
            worktree.remove_worktree(root, run.record.id)
            return
        _close_record(run, run.record.state)
        commit_run_or_note_error(root, run.record)
        worktree.remove_worktree(root, run.record.id)


@contextmanager
def offer_run(session: RunSession) -> Iterator[None]:
    """Context manager: `enter_run` takes this open session for a request that equals its own."""
    token = _prepared_run.set(session)
    try:
        yield
    finally:
        _prepared_run.reset(token)


@contextmanager
def enter_run(root: Path, request: RetrainRequest) -> Iterator[RunSession]:
    """Context manager: the session of this request: the one that the console command has opened for
    it, or else a new one, which is closed at the end.
    """
    session = _prepared_run.get()
    if session and session.root == root and replace(session.request, command=()) == request:
        install_stop_handlers(session)  # again: Prefect has set its own
        yield session
        return
    with open_run(root, request) as new_session:
        yield new_session


def install_stop_handlers(run: RunSession) -> None:
    """On SIGTERM or SIGINT, write the record and exit; the supervisors end the child processes.

    Prefect and MLflow are told by the next run, because their crash handling takes seconds. Call
    again after Prefect has set its own handlers.
    """

    def stop(sign: int, _frame: FrameType | None) -> None:
        try:
            _close_record(run, "killed" if run.record.state == "running" else run.record.state)
            sys.stdout.flush()
            os.write(2, b"\nstopped; the next retrain goes on from here\n")
        finally:  # where the disk is full, the next run finds a record that is running, and dead
            os._exit(128 + sign)

    for sign in (signal.SIGTERM, signal.SIGINT):
        signal.signal(sign, stop)


def finish_idle_run(run: RunSession) -> None:
    """Publish the existing products and delete the checkpoints that led to them.

    The run that made them may have been killed after its last stage, before it did so.
    """
    _delete_used_checkpoints(run)
    publish_products(run)


def publish_products(run: RunSession) -> None:
    """Copy the run's dvc.lock and its list of raw files into the user's checkout and link its
    products there.
    """
    lock_file = run.folder / "dvc.lock"
    if lock_file.is_file():
        with atomic_file(run.root / "dvc.lock") as draft:
            draft.write_bytes(lock_file.read_bytes())
        raw_files.publish_raw_listing(run.folder, run.root)
        dvc_project.link_products_into_data(run.root)


def complete_run(run: RunSession) -> None:
    """Mark the run as completed, publish its products and delete the checkpoints that led to them.

    A run that was superseded by a newer one, or lost its worktree, is marked as failed instead.
    """
    run.record.state = "completed"
    try:
        if worktree_error := worktree.find_worktree_error(run.folder):
            raise worktree_error
        locks.check_run_is_newest(run.root, run.record.id, run.lock)
        _delete_used_checkpoints(
            run
        )  # first: what led to them is of no use, even where showing them fails
        publish_products(run)
    except InputError as fault:
        run.record.state, run.record.error = "failed", str(fault)


def _delete_used_checkpoints(run: RunSession) -> None:
    """Delete checkpoints that led to these products, and downloaded files that are products now."""
    remove_old_checkpoints(run.began, done=dvc_project.list_checkpoint_keys(run.folder))
    if (get_checkpoint_root() / "download").is_dir():
        from touchline.sources.fetch.part import drop_finished_downloads

        drop_finished_downloads(run.folder / "data")


def _prepare_run(root: Path, request: RetrainRequest, lock: int) -> RunSession:
    code = worktree.resolve_run_code(root, request.dirty)
    run = RunRecord(
        id=_free_id(root),
        started=record.get_utc_timestamp(),
        command=list(request.command),
        preset=request.preset,
        commit=code.base,
        difference=code.digest,
        patch=code.patch,
        pid=os.getpid(),
    )
    locks.mark_run_started(root, run.id)
    folder = worktree.create_worktree(root, run.id, code.commit, dvc_project.read_cache_dir(root))
    try:
        run.overrides = overrides.apply_overrides(folder, request.preset, request.sets)
        run.params = overrides.read_yaml_mapping(folder / "params.yaml")
        raw_files.write_raw_listing(root, folder, run.params)
        dvc_project.checkout_products(folder)
        steps = dvc_project.plan_steps(folder, request.stage, request.force)
        preflight.run_preflight_checks(root, folder, steps, lock)
    except BaseException:  # the worktree must not stay behind; it is raised again
        worktree.remove_worktree(root, run.id)
        raise
    if any(step.changed for step in steps):
        _warn_clock_set_back(root, run.id)
    return RunSession(root, request, run, steps, lock)


def _warn_clock_set_back(root: Path, id: str) -> None:
    """Print a warning if a run with a later id exists: ids begin with the time, so the clock was
    set back.
    """
    later = [other.id for other in record.list_runs(root) if other.id > id]
    if later:
        message = f"the clock was put back: run {later[-1]} is dated after this one"
        terminal.print_line(
            f"{message}, so `latest` still means that one; name this run by its id, {id}"
        )


def _free_id(root: Path) -> str:
    """An id that no run has, neither of this checkout nor of those that were fetched."""
    while True:
        id = record.create_run_id()
        if not (
            record.get_runs_folder(root) / f"{id}.json"
        ).exists() and not worktree.read_ref_record(root, id):
            return id


def _close_record(run: RunSession, state: record.RunState) -> None:
    run.record.state, run.record.ended = state, record.get_utc_timestamp()
    if state == "killed":
        run.record.error = run.record.error or "killed"
    unreported = (
        run.record.tracking_run and not run.end_reported
    )  # as when MLflow was away at the end
    if (
        state != "killed" and not unreported
    ):  # else it keeps its pid until Prefect and MLflow know, too
        run.record.pid = 0
    run.save()


def format_stage_tally(run: RunRecord) -> str:
    """How many stages ran, were restored or stayed unchanged, in words."""
    counts = {state: run.count_stages(state) for state in ("Ran", "Restored", "Unchanged")}
    return ", ".join(f"{count} {state.lower()}" for state, count in counts.items())


def format_idle_run(run: RunSession) -> str:
    """The sentence for a run with no changed stage, naming the run that made the present products
    if there is one.
    """
    since = find_run_with_products(run)
    tail = f" since run {since.id}" if since else ""
    return f"nothing to do: all {len(run.steps)} stages unchanged{tail}"


def find_run_with_products(run: RunSession) -> RunRecord | None:
    """The last completed run whose products equal those in this run's dvc.lock, or None."""
    lock_products = dvc_project.read_lock_products(run.folder)
    now = {step.name: lock_products.get(step.name) for step in run.steps}
    for past_run in reversed(record.list_runs(run.root)):
        recorded = {name: past_run.stages[name].products for name in now if name in past_run.stages}
        if past_run.state == "completed" and recorded == now:
            return past_run
    return None


def format_run_end(run: RunRecord) -> str:
    """The last printed line of a run in which at least one stage was due."""
    if run.state == "completed":
        unsent = f"\nnot sent: {run.unsent}; `touchline push` does it" if run.unsent else ""
        return (
            f"run {run.id} completed: {format_stage_tally(run)}; `touchline show "
            f"{run.id}` tells all{unsent}"
        )
    return f"run {run.id} {run.state}: {run.error}"
