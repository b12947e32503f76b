"""A run from its request to its record: one at a time, in a worktree of its own."""

import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

from flows.retrain import preflight
from flows.runs import dvc_project, locks, overrides, record, terminal, worktree
from flows.runs.dvc_project import Step
from flows.runs.locks import locked
from flows.runs.record import Record
from touchline.atomic import whole_file
from touchline.errors import BadInput
from touchline.state_dirs import checkpoint_root, forget


@dataclass(frozen=True)
class Request:
    """What somebody asks for on the command line or in a deployment."""

    preset: str | None = None
    sets: tuple[str, ...] = ()
    stage: str | None = None
    dirty: bool = False
    force: bool = False
    command: tuple[str, ...] = ()


@dataclass
class Run:
    """A run that is going on."""

    root: Path
    request: Request
    record: Record
    steps: list[Step]
    lock: int  # descriptor; whoever inherits it holds the lock as well
    began: float = field(default_factory=time.time)
    told: bool = False  # Prefect and MLflow know how it ended

    @property
    def folder(self) -> Path:
        return record.folder(self.root) / self.record.id

    @property
    def log(self) -> Path:
        return self.folder.with_suffix(".log")

    @property
    def idle(self) -> bool:
        return not any(step.changed for step in self.steps)

    def save(self) -> None:
        record.write(self.root, self.record)


CURRENT: ContextVar[Run | None] = ContextVar("current run", default=None)


@contextmanager
def opened(root: Path, request: Request) -> Iterator[Run]:
    """Hold the lock, clean up after killed runs, make the worktree; at the end write the record.

    An idle run leaves no trace. A run that is interrupted leaves its worktree to `tidy`, because
    whoever interrupts wants the machine back at once.
    """
    with locked(root) as held:
        tidy(root)
        run = _prepare(root, request, held)
        if not run.idle:
            run.save()
        try:
            yield run
        except BaseException:
            _end(run, "killed" if run.record.state == "running" else run.record.state)
            raise
        if run.idle:
            worktree.remove(root, run.record.id)
            return
        _end(run, run.record.state)
        _keep(root, run.record)
        worktree.remove(root, run.record.id)


def stop_at_once(run: Run) -> None:
    """On SIGTERM or SIGINT write the record and die; the supervisors end all the rest.

    Prefect and MLflow hear of it from the next run: what they do at a crash takes seconds, in
    which a stage would keep the machine. Call again after Prefect has set its own handlers.
    """

    def stop(sign: int, _frame: FrameType | None) -> None:
        try:
            _end(run, "killed" if run.record.state == "running" else run.record.state)
            sys.stdout.flush()
            os.write(2, b"\nstopped; the next retrain goes on from here\n")
        finally:  # where the disk is full, the next run finds a record that is running, and dead
            os._exit(128 + sign)

    for sign in (signal.SIGTERM, signal.SIGINT):
        signal.signal(sign, stop)


def rest(run: Run) -> None:
    """Nothing is to be done: show what is there, and let go of what led to it.

    The run that made it may have been killed behind its last stage, and did neither.
    """
    _let_go(run)
    publish(run)


def publish(run: Run) -> None:
    """Show the products in the user's checkout, and the lock file that names them."""
    made = run.folder / "dvc.lock"
    if made.is_file():
        with whole_file(run.root / "dvc.lock") as draft:
            draft.write_bytes(made.read_bytes())
        dvc_project.publish(run.root)


def succeed(run: Run) -> None:
    """All stages are up to date: publish, and let go of the checkpoints that led here.

    A late run does neither: they are a newer one's by now.
    """
    run.record.state = "completed"
    try:
        if gone := worktree.lost(run.folder):
            raise gone
        locks.check(run.root, run.record.id, run.lock)
        _let_go(run)  # first: what led to them is of no use, even where showing them fails
        publish(run)
    except BadInput as fault:
        run.record.state, run.record.error = "failed", str(fault)


def _let_go(run: Run) -> None:
    """Checkpoints that led to these products, and whole files on their way to them."""
    forget(run.began, done=dvc_project.keys(run.folder))
    if (checkpoint_root() / "download").is_dir():
        from touchline.sources.fetch.part import settled

        settled(run.folder / "data")


def tidy(root: Path) -> list[Record]:
    """Close the records of runs that were killed, and remove what they left; call when locked."""
    dead = [run for run in record.every(root) if run.state == "running"]
    for run in dead:
        run.state, run.ended, run.error = "killed", record.now(), run.error or "killed"
        record.write(root, run)
    for id in worktree.left(root):
        for run in [one for one in record.every(root) if one.id == id]:
            known = worktree.kept(root, id)
            if not (known and (known.started, known.commit) == (run.started, run.commit)):
                _keep(root, run)  # else it was killed while it removed the worktree
        worktree.remove(root, id)
    worktree.sweep(root)
    return dead


def _keep(root: Path, run: Record) -> None:
    """An id that two runs claim spoils neither the older one's ref nor the next run."""
    try:
        worktree.keep(root, run)
    except BadInput as fault:
        told = f"{run.error}; {fault}" if run.error else str(fault)
        run.error = run.error if str(fault) in run.error else told
        record.write(root, run)


def _prepare(root: Path, request: Request, lock: int) -> Run:
    code = worktree.code(root, request.dirty)
    run = Record(
        id=_free_id(root),
        started=record.now(),
        command=list(request.command),
        preset=request.preset,
        commit=code.base,
        difference=code.digest,
        patch=code.patch,
        pid=os.getpid(),
    )
    locks.begin(root, run.id)
    folder = worktree.open(root, run.id, code.commit, dvc_project.cache(root))
    try:
        run.overrides = overrides.apply(folder, request.preset, request.sets)
        run.params = overrides.read(folder / "params.yaml")
        dvc_project.checkout(folder)
        steps = dvc_project.steps(folder, request.stage, request.force)
        preflight.ask(root, folder, steps, lock)
    except BaseException:
        worktree.remove(root, run.id)
        raise
    if any(step.changed for step in steps):
        _note_clock(root, run.id)
    return Run(root, request, run, steps, lock)


def _note_clock(root: Path, id: str) -> None:
    """Runs are in the order of their ids, which begin with the time."""
    later = [one.id for one in record.every(root) if one.id > id]
    if later:
        said = f"the clock was put back: run {later[-1]} is dated after this one"
        terminal.say(f"{said}, so `latest` still means that one; name this run by its id, {id}")


def _free_id(root: Path) -> str:
    """An id that no run has, neither of this checkout nor of those that were fetched."""
    while True:
        id = record.fresh_id()
        if not (record.folder(root) / f"{id}.json").exists() and not worktree.kept(root, id):
            return id


def _end(run: Run, state: record.State) -> None:
    run.record.state, run.record.ended = state, record.now()
    if state == "killed":
        run.record.error = run.record.error or "killed"
    owed = run.record.tracking_run and not run.told  # as when MLflow was away at the end
    if state != "killed" and not owed:  # else it keeps its pid until Prefect and MLflow know, too
        run.record.pid = 0
    run.save()


def tally(run: Record) -> str:
    """How many stages met which fate."""
    counts = {state: run.count(state) for state in ("Ran", "Restored", "Unchanged")}
    return ", ".join(f"{count} {state.lower()}" for state, count in counts.items())


def nothing_to_do(run: Run) -> str:
    """The sentence of an idle run; it names the run that made what is there, if one did."""
    since = last_with(run)
    tail = f" since run {since.id}" if since else ""
    return f"nothing to do: all {len(run.steps)} stages unchanged{tail}"


def last_with(run: Run) -> Record | None:
    """The last completed run that ended with the products of now."""
    made = dvc_project.products(run.folder)
    now = {step.name: made.get(step.name) for step in run.steps}
    for one in reversed(record.every(run.root)):
        there = {name: one.stages[name].products for name in now if name in one.stages}
        if one.state == "completed" and there == now:
            return one
    return None


def closing(run: Record) -> str:
    """The last line of a run that was not idle."""
    if run.state == "completed":
        unsent = f"\nnot sent: {run.unsent}; `touchline push` does it" if run.unsent else ""
        return f"run {run.id} completed: {tally(run)}; `touchline show {run.id}` tells all{unsent}"
    return f"run {run.id} {run.state}: {run.error}"
