"""The session of a night, from its request to its record: one at a time per checkout, and always
recorded, even if killed.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from pydantic import PositiveFloat, PositiveInt

from flows.nightly import events as nightly_events
from flows.nightly import record
from flows.nightly.benchmark import NightlyBenchmark
from flows.nightly.promotion_case import PromotionSettings
from flows.nightly.record import NightRecord
from flows.runs import record as runs
from flows.runs import terminal, worktree
from flows.runs.locks import hold_lock
from flows.runs.record import locate_nights_folder
from flows.runs.run_model import RunModel
from flows.store import dvc_cache
from flows.tracking import openlineage
from touchline.config import Params, load_params_section
from touchline.metrics.overall import HeadlineMetrics


class NightlyParams(Params):
    """The section `nightly` of params.yaml."""

    benchmark: str  # the run whose test questions are asked; "" for that of the last night
    models: list[str]  # which models of a run take part: names of dvc.yaml's `artifacts`
    most: PositiveInt  # challengers per night, the newest
    hours: PositiveFloat  # after which the absence of a night is an alarm
    alert: str  # a Prefect block, e.g. webhook/night; "" for the address in TOUCHLINE_ALERT_URL


@dataclass(frozen=True)
class NightRequest:
    """What the command line or a deployment requests of a night: the benchmark run and the
    challengers' runs.
    """

    benchmark: str = ""  # a run, for this night
    runs: tuple[str, ...] = ()  # the challengers, instead of the new ones


class NightSession:
    """A night that is in progress. `headlines` holds the headline scores of each candidate and
    floor, by name.

    Not a dataclass: Prefect would search all its fields for futures at every task.
    """

    def __init__(self, root: Path, request: NightRequest, night: NightRecord, lock: int) -> None:
        self.root, self.request, self.night = root, request, night
        self.lock = lock  # descriptor; whoever inherits it holds the lock as well
        self.benchmark: NightlyBenchmark | None = None
        self.headlines: dict[str, HeadlineMetrics] = {}
        self.delivery_due = terminal.Throttle(
            openlineage.DELIVERY_INTERVAL
        )  # for who listens to its events

    @cached_property
    def nightly(self) -> NightlyParams:
        return load_params_section(NightlyParams, "nightly", self.root / "params.yaml")

    @cached_property
    def gate(self) -> PromotionSettings:
        return load_params_section(PromotionSettings, "gate", self.root / "params.yaml")

    @cached_property
    def cache(self) -> Path:
        return dvc_cache.find_object_cache(self.root)

    @property
    def folder(self) -> Path:
        return locate_nights_folder(self.root)

    @property
    def log(self) -> Path:
        return self.folder / f"{self.night.id}.log"

    @property
    def pinned_benchmark(self) -> NightlyBenchmark:
        assert self.benchmark, "the line-up comes first"
        return self.benchmark

    def save(self) -> None:
        record.write_night_record(self.root, self.night)

    def restore_model(self, model: RunModel) -> Path:
        """Folder of a model, linked from the DVC cache."""
        place = self.folder / "models" / model.md5.removesuffix(".dir")
        return dvc_cache.restore_product_folder(
            self.cache, model.md5, place, f"{model.path} of run {model.run}"
        )


@contextmanager
def open_night(root: Path, request: NightRequest) -> Iterator[NightSession]:
    """Context manager: hold the night lock, close the records of killed nights, and write this
    night's record however it ends.
    """
    with hold_lock(root, "night") as lock_fd:
        close_dead_nights(root)
        changed = ", and uncommitted changes" if worktree.list_uncommitted_changes(root) else ""
        commit = worktree.run_git(root, "rev-parse", "HEAD").strip() + changed
        night = NightRecord(
            id=runs.create_run_id(),
            started=runs.get_utc_timestamp(),
            pid=os.getpid(),
            commit=commit,
        )
        session = NightSession(root, request, night, lock_fd)
        session.folder.mkdir(parents=True, exist_ok=True)
        session.save()
        nightly_events.emit_night_start(root, night)
        try:
            yield session
            night.state = "completed" if night.state == "running" else night.state
        except Exception as error:  # the record must name any error; it is raised again
            night.state, night.error = "failed", " ".join(str(error).split()) or repr(error)
            raise
        except BaseException:  # as does a stop by a signal
            night.state, night.error = "killed", "stopped"
            raise
        finally:
            night.ended, night.pid = runs.get_utc_timestamp(), 0
            session.save()
            nightly_events.emit_night_end(root, night)


_prepared_night: ContextVar[NightSession | None] = ContextVar("prepared night", default=None)


@contextmanager
def offer_night(session: NightSession) -> Iterator[None]:
    """Context manager: `enter_night` takes this open session for a request that equals its own."""
    token = _prepared_night.set(session)
    try:
        yield
    finally:
        _prepared_night.reset(token)


@contextmanager
def enter_night(root: Path, request: NightRequest) -> Iterator[NightSession]:
    """Context manager: the session of this request: the one that the console command has opened for
    it, or else a new one, which is closed at the end.
    """
    session = _prepared_night.get()
    if session and (session.root, session.request) == (root, request):
        yield session
        return
    with open_night(root, request) as new_session:
        yield new_session


@contextmanager
def borrow_night_session(root: Path) -> Iterator[NightSession]:
    """Context manager: a night session with the night lock held, for evaluations outside a night
    (bisect). Writes no record.
    """
    with hold_lock(root, "night") as lock_fd:
        session = NightSession(
            root,
            NightRequest(),
            NightRecord(id="bisect", started=runs.get_utc_timestamp()),
            lock_fd,
        )
        session.folder.mkdir(parents=True, exist_ok=True)
        yield session


def close_dead_nights(root: Path) -> list[NightRecord]:
    """Mark nights that were killed as such in their records, and emit abort events. Call while
    holding the lock. Returns them.
    """
    dead = [night for night in record.list_night_records(root) if night.state == "running"]
    for night in dead:
        night.state, night.ended, night.error, night.pid = (
            "killed",
            runs.get_utc_timestamp(),
            "killed",
            0,
        )
        openlineage.abort_open_events(root, night.id, night.error)
        record.write_night_record(root, night)
    return dead
