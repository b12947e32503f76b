"""A night from its request to its record: one at a time per checkout, and none that vanishes."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from pydantic import PositiveFloat, PositiveInt

from flows.nightly import events as nightly_events
from flows.nightly import record
from flows.nightly.benchmark import Benchmark
from flows.nightly.promotion_case import Gate
from flows.nightly.record import Model, Night
from flows.runs import record as runs
from flows.runs import terminal, worktree
from flows.runs.locks import locked
from flows.store import dvc_cache
from flows.tracking import openlineage
from touchline.config import Params, section
from touchline.metrics.overall import Headlines


class Nightly(Params):
    """The section `nightly` of params.yaml."""

    benchmark: str  # the run whose test questions are asked; "" for that of the last night
    models: list[str]  # which models of a run take part: names of dvc.yaml's `artifacts`
    most: PositiveInt  # challengers per night, the newest
    hours: PositiveFloat  # after which the absence of a night is an alarm
    alert: str  # a Prefect block, e.g. webhook/night; "" for the address in TOUCHLINE_ALERT_URL


@dataclass(frozen=True)
class Request:
    """What somebody asks for on the command line or in a deployment."""

    benchmark: str = ""  # a run, for this night
    runs: tuple[str, ...] = ()  # the challengers, instead of the new ones


class Going:
    """A night that is going on; `lines` are what its candidates and floors are compared by.

    No dataclass: Prefect would search it, with all its numbers, for futures at every task.
    """

    def __init__(self, root: Path, request: Request, night: Night, lock: int) -> None:
        self.root, self.request, self.night = root, request, night
        self.lock = lock  # descriptor; whoever inherits it holds the lock as well
        self.benchmark: Benchmark | None = None
        self.lines: dict[str, Headlines] = {}
        self.due = terminal.Throttle(openlineage.SELDOM)  # for who listens to its events

    @cached_property
    def nightly(self) -> Nightly:
        return section(Nightly, "nightly", self.root / "params.yaml")

    @cached_property
    def gate(self) -> Gate:
        return section(Gate, "gate", self.root / "params.yaml")

    @cached_property
    def cache(self) -> Path:
        return dvc_cache.cache(self.root)

    @property
    def folder(self) -> Path:
        return record.folder(self.root)

    @property
    def log(self) -> Path:
        return self.folder / f"{self.night.id}.log"

    @property
    def asked(self) -> Benchmark:
        assert self.benchmark, "the line-up comes first"
        return self.benchmark

    def save(self) -> None:
        record.write(self.root, self.night)

    def restored(self, model: Model) -> Path:
        """The folder of a model, linked from the cache."""
        place = self.folder / "models" / model.md5.removesuffix(".dir")
        return dvc_cache.restore(self.cache, model.md5, place, f"{model.path} of run {model.run}")


@contextmanager
def opened(root: Path, request: Request) -> Iterator[Going]:
    """Hold the lock, close the records of killed nights, and write this one's, however it ends."""
    with locked(root, "night") as held:
        settle(root)
        changed = ", and uncommitted changes" if worktree.changes(root) else ""
        commit = worktree.git(root, "rev-parse", "HEAD").strip() + changed
        night = Night(id=runs.fresh_id(), started=runs.now(), pid=os.getpid(), commit=commit)
        going = Going(root, request, night, held)
        going.folder.mkdir(parents=True, exist_ok=True)
        going.save()
        nightly_events.began(root, night)
        try:
            yield going
            night.state = "completed" if night.state == "running" else night.state
        except Exception as error:
            night.state, night.error = "failed", " ".join(str(error).split()) or repr(error)
            raise
        except BaseException:
            night.state, night.error = "killed", "stopped"
            raise
        finally:
            night.ended, night.pid = runs.now(), 0
            going.save()
            nightly_events.ended(root, night)


@contextmanager
def borrowed(root: Path) -> Iterator[Going]:
    """The means of a night, its lock included, for a question in between; leaves no record."""
    with locked(root, "night") as held:
        going = Going(root, Request(), Night(id="bisect", started=runs.now()), held)
        going.folder.mkdir(parents=True, exist_ok=True)
        yield going


def settle(root: Path) -> list[Night]:
    """Close the records of nights that were killed; call when locked."""
    dead = [night for night in record.every(root) if night.state == "running"]
    for night in dead:
        night.state, night.ended, night.error, night.pid = "killed", runs.now(), "killed", 0
        openlineage.abort(root, night.id, night.error)
        record.write(root, night)
    return dead
