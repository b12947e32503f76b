"""What a source of labelled video promises, and how it says what is wrong with its rows."""

from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, Literal, Protocol, TypeVar

from touchline.config import Params
from touchline.errors import BadInput
from touchline.records import Label, Speech, Video


class Named(Protocol):
    """Anything that the row ledger can follow."""

    @property
    def id(self) -> str: ...


Row = TypeVar("Row", bound=Named)


@dataclass(frozen=True)
class Found:
    """A video of a source, before anybody looked into its file, if that is here."""

    id: str  # source/match/part, unique
    path: Path | None  # below the source's folder; None: labelled, but the video is not here
    sport: str
    match: str  # source/match: what the split is decided by
    part: str
    duration: float = 0.0  # seconds, as the labels state it, of a video that is not here


@dataclass(frozen=True)
class Fault:
    """A row that must not pass, and the sentence that says why."""

    row: str
    why: BadInput


@dataclass
class Reading(Generic[Row]):
    """Rows read from a source and the faults among them; every input row is in one of the two."""

    rows: list[Row] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)

    def take(self, row: str, make: Callable[..., Row], *given: Any) -> None:
        """Add `make(*given)`; a `BadInput` it raises becomes the fault of `row`."""
        try:
            self.rows.append(make(*given))
        except BadInput as why:
            self.faults.append(Fault(row, why))

    def add(self, other: "Reading[Row]") -> None:
        self.rows += other.rows
        self.faults += other.faults


@dataclass(frozen=True)
class Part:
    """One part of what a source consists of, and how it is to be had."""

    holds: Literal["labels", "videos", "commentary"]
    files: tuple[str, ...]  # patterns below the source's folder, as `Path.glob` takes them
    where: str  # address
    access: str  # who may have it and how, in a sentence or two


@dataclass(frozen=True)
class Source:
    """One source of labelled video.

    `folder` is the source's own folder below the videos folder: `download` fills it, the others
    read it and write nothing. All of them are handed the source's own settings. `splits` gives the
    split (train, val or test) of each match for which the source states one.
    """

    name: str
    licence: str
    terms: Literal["open", "request", "nda", "owner"]  # owner: licence and terms are settings
    homepage: str
    sports: tuple[str, ...]  # names in the catalogue of sports
    tasks: tuple[str, ...]  # what its labels are turned into, names in the catalogue of tasks
    parts: tuple[Part, ...]  # none: the source makes everything here
    settings: type[Params]
    download: Callable[[Any, Path, Executor], None]
    videos: Callable[[Any, Path], Reading[Found]]
    labels: Callable[[Any, Path, Sequence[Video]], Reading[Label]]
    speech: Callable[[Any, Path, Sequence[Video]], Reading[Speech]]
    splits: Callable[[Any, Path], dict[str, str]] | None = None

    def held(self, settings: Any) -> tuple[str, str]:
        """Licence and terms of what comes of it."""
        owner = settings if self.terms == "owner" else self
        return owner.licence, owner.terms
