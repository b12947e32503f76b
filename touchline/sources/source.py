"""The interface of a source of labelled video, and the result type of its readers:
rows and faults.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, Literal, Protocol, TypeVar

from touchline.config import Params
from touchline.errors import InputError
from touchline.records.label import Label
from touchline.records.speech import Speech
from touchline.records.video import Video


class RowWithId(Protocol):
    """Any row with an id, as the row ledger needs it."""

    @property
    def id(self) -> str: ...


Row = TypeVar("Row", bound=RowWithId)


@dataclass(frozen=True)
class SourceVideo:
    """A video as a source lists it, before its file is probed."""

    id: str  # source/match/part, unique
    path: Path | None  # below the source's folder; None: labelled, but the video is not here
    sport: str
    match: str  # source/match: what the split is decided by
    part: str
    duration: float = 0.0  # seconds, as the labels state it, of a video that is not here


@dataclass(frozen=True)
class RowFault:
    """A rejected row: its id and the InputError that says why."""

    row: str
    why: InputError


@dataclass
class ReadResult(Generic[Row]):
    """Rows read from a source, and the faults among them. Every input row is in exactly one of the
    two lists.
    """

    rows: list[Row] = field(default_factory=list)
    faults: list[RowFault] = field(default_factory=list)

    def take(self, row: str, make: Callable[..., Row], *arguments: Any) -> None:
        """Append `make(*arguments)` to `rows`; if it raises InputError, append a fault for `row`
        instead.
        """
        try:
            self.rows.append(make(*arguments))
        except InputError as why:
            self.faults.append(RowFault(row, why))

    def add(self, other: "ReadResult[Row]") -> None:
        """Append the rows and faults of another result."""
        self.rows += other.rows
        self.faults += other.faults


@dataclass(frozen=True)
class SourcePart:
    """One part of a source (labels, videos or commentary): its file patterns and how to get access
    to it.
    """

    holds: Literal["labels", "videos", "commentary"]
    files: tuple[str, ...]  # patterns below the source's folder, as `Path.glob` takes them
    where: str  # address
    access: str  # who may have it and how, in a sentence or two


@dataclass(frozen=True)
class Source:
    """The definition of one source of labelled video.

    The callables receive the source's own settings and its folder below the videos folder:
    `download` fills the folder, the others only read it. `splits` maps each match to its split
    (train, val or test), where the source states one.
    """

    name: str
    licence: str
    terms: Literal["open", "request", "nda", "owner"]  # owner: licence and terms are settings
    homepage: str
    sports: tuple[str, ...]  # names in the catalogue of sports
    tasks: tuple[str, ...]  # what its labels are turned into, names in the catalogue of tasks
    parts: tuple[SourcePart, ...]  # none: the source makes everything here
    settings: type[Params]
    download: Callable[[Any, Path, Executor], None]
    videos: Callable[[Any, Path], ReadResult[SourceVideo]]
    labels: Callable[[Any, Path, Sequence[Video]], ReadResult[Label]]
    speech: Callable[[Any, Path, Sequence[Video]], ReadResult[Speech]]
    splits: Callable[[Any, Path], dict[str, str]] | None = None

    def licence_and_terms(self, settings: Any) -> tuple[str, str]:
        """Return (licence, terms) of the source's data; of a source with terms `owner` they come
        from `settings`.
        """
        owner = settings if self.terms == "owner" else self
        return owner.licence, owner.terms
