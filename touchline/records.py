"""The nouns that travel between stages, each one row of a Parquet file with a declared schema."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Protocol, TypeVar, get_type_hints

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from touchline.atomic import atomic_file
from touchline.errors import InputError

ARROW_TYPES = {
    str: pa.string(),
    int: pa.int64(),
    float: pa.float64(),
    bool: pa.bool_(),
    bytes: pa.binary(),
    list[str]: pa.list_(pa.string()),
    list[float]: pa.list_(pa.float64()),
    list[int]: pa.list_(pa.int64()),
}
RERUN_STAGE = "rerun its stage"
MAX_NUMBER = 1e15


@dataclass(frozen=True)
class Video:
    """One file of one source, as found. Times are seconds from the first shown frame."""

    id: str  # source/match/part, unique
    source: str
    sport: str
    match: str  # what the split is decided by
    part: str  # "1" and "2" for the halves of a match
    path: str  # below the videos folder; "" when only labels and commentary are here
    sha256: str
    bytes: int
    licence: str
    terms: str  # open, request or nda
    codec: str
    width: int
    height: int
    fps: float  # frames shown / duration, measured, not the container's claim
    frames: int  # shown frames
    duration: float  # seconds
    start: float  # presentation time of the first frame, seconds
    longest_gap: float  # between two shown frames, seconds
    edit_list: bool  # more packets than shown frames: only PyAV reads such a file right
    keyframes: list[float]


@dataclass(frozen=True)
class Label:
    """What a source says happens in a video; a ready question carries its own words."""

    id: str
    video: str
    name: str  # class of the action as the file has it; Sport.words translates
    start: float  # seconds from the first frame; equal to `end` for a moment
    end: float
    team: str  # home, away or ""
    task: str  # "" for a plain action; else the task of a ready question
    asked: str  # the ready question's words
    options: list[str]
    answer: str


@dataclass(frozen=True, slots=True)  # half a million of them: a third less memory
class Speech:
    """One line of commentary, in seconds from the first frame of its video."""

    id: str
    video: str
    start: float
    end: float
    text: str
    origin: str  # which transcript: a file and its variant


@dataclass(frozen=True)
class StatedSplit:
    """The split of a match as its source states it; matches without a row are drawn."""

    match: str
    split: str  # train, val or test


@dataclass(frozen=True)
class Clip:
    """A stretch of a video; its frames are in the frame store."""

    id: str  # video@start-end
    video: str
    source: str
    sport: str
    match: str
    licence: str
    terms: str
    start: float  # seconds from the first frame of the video
    end: float
    frames: int  # how many the store holds for it; 0 when its video is not here
    overlaps: bool  # shares frames with the clip before it: for training only


@dataclass(frozen=True, slots=True)  # half a million of them: a third less memory
class Caption:
    """One line of words over a clip, in seconds from the clip's start."""

    id: str
    clip: str
    start: float
    end: float
    text: str
    origin: str


@dataclass(frozen=True)
class Question:
    """What is asked of a clip and the truth; `split` follows from the match alone."""

    id: str
    clip: str
    video: str
    source: str
    sport: str
    match: str
    split: str  # train, val or test
    task: str
    action: str  # what a spotting question looks for, "" otherwise
    text: str  # the question in words, options included
    options: list[str]
    truth: str  # in the task's answer format: scored like any answer
    evidence: list[float]  # start, end, start, end ... in clip seconds: where the truth can be seen


@dataclass(frozen=True)
class Trajectory:
    """One attempt at one question, replayable: images are named by time, not stored."""

    id: str
    question: str
    author: str  # teacher.scripted, base, sft, rl, floor.*
    split: str
    sport: str
    task: str
    match: str
    messages: str  # JSON; an image block is {"type": "image", "time": seconds of the clip}
    answer: str  # the text after the last thought
    score: float  # the task's verdict in [0, 1]
    valid: bool  # format kept
    windows: list[float]  # start, end, ... of the tool calls, in clip seconds
    frames: int  # frames seen in all


@dataclass(frozen=True)
class TeacherVerdict:
    """What became of one question that was put to a teacher, and what it cost."""

    id: str  # of the trajectory that it is about, whether or not there is one
    question: str
    sport: str
    task: str
    reason: str  # "" for an accepted one, else why not
    score: float  # the task's own, in [0, 1]
    judged: str  # by a judge: right, wrong or "" where none was asked
    look: str  # the frames matter: seen, unseen or "" where nobody looked
    calls: int  # of the tool
    frames: list[str]  # sha256 of the pictures' pixels: with the question, and of each call
    requests: int
    tokens_in: int
    tokens_out: int
    cost: float  # money, the judge's included


@dataclass(frozen=True)
class Rollout(Trajectory):
    """An attempt within RL and what it earned; tokens and windows suffice to play it again."""

    step: int  # optimizer steps before it
    group: int  # of its step: attempts at one question that are compared
    tokens: list[int]  # of the completion, the tool's turns included
    shown: list[str]  # digest of each frame's pixels, in the order shown
    ending: str  # how it ended: see touchline/chat/turns.py
    direct: bool  # the model before RL answers the question from the first frames alone
    parts: str  # JSON: the reward's parts, before weight and gate
    earned: float  # the reward
    paid: float  # what it was given after the group filter


Record = TypeVar("Record")  # any dataclass whose fields have types of ARROW_TYPES


class HasId(Protocol):
    """A record with an id."""

    @property
    def id(self) -> str: ...


RecordWithId = TypeVar("RecordWithId", bound=HasId)


def build_arrow_schema(kind: type) -> pa.Schema:
    """The Arrow schema of a noun, in field order; no column may be null."""
    hints = get_type_hints(kind)
    return pa.schema(
        [pa.field(f.name, ARROW_TYPES[hints[f.name]], nullable=False) for f in fields(kind)]
    )


def write_records(path: Path, kind: type[Record], rows: Iterable[Record]) -> None:
    """Write all rows or nothing; row order is kept, bytes depend on the rows alone."""
    rows, shape = list(rows), build_arrow_schema(kind)
    columns = [pa.array([getattr(row, f.name) for row in rows], f.type) for f in shape]
    table = pa.Table.from_arrays(columns, schema=shape)
    with atomic_file(path) as draft:
        pq.write_table(table, draft, compression="zstd")


def read_records(path: Path, kind: type[Record]) -> list[Record]:
    """Read rows back; a missing file or a foreign column is a `InputError`."""
    if not path.is_file():
        raise InputError(path, "is missing", "run the stage that makes it")
    table = _cast_table(path, _read_table(path), kind)
    columns = [_python_values(column) for column in table.columns]
    return [kind(*row) for row in zip(*columns, strict=True)]


def _read_table(path: Path) -> pa.Table:
    """The whole table, all of its values valid; an older Arrow may have written it."""
    try:
        table = pq.ParquetFile(path).read()
        table.validate(full=True)  # texts in UTF-8, among others
    except (pa.ArrowException, OSError, ValueError) as error:
        why = str(error).split("\n")[0][:200]
        raise InputError(
            path, f"is no Parquet file that can be read ({why})", RERUN_STAGE
        ) from None
    return table


def _cast_table(path: Path, table: pa.Table, kind: type) -> pa.Table:
    """The table in the schema of the noun; another column, type, null or NaN is a `InputError`."""
    wanted = build_arrow_schema(kind)
    if table.column_names != wanted.names:
        strange = sorted(set(table.column_names) ^ set(wanted.names))[:9]
        raise InputError(path, f"columns differ from {kind.__name__}: {strange}", RERUN_STAGE)
    for field in wanted:
        column = table.column(field.name)
        if _type_family(column.type) != _type_family(field.type):
            wrong = f"column {field.name!r} is {column.type}, not {field.type}"
            raise InputError(path, wrong, RERUN_STAGE)
        if _has_nulls(column):
            raise InputError(path, f"column {field.name!r} has empty values", RERUN_STAGE)
        if _has_invalid_numbers(column):
            raise InputError(
                path, f"column {field.name!r} has values that are no numbers", RERUN_STAGE
            )
    try:
        return table.cast(wanted)
    except pa.ArrowException as error:
        raise InputError(path, f"holds a value out of range ({error})", RERUN_STAGE) from None


def _has_nulls(column: pa.ChunkedArray) -> bool:
    return column.null_count + _flat_values(column).null_count > 0


def _has_invalid_numbers(column: pa.ChunkedArray) -> bool:
    """Whether a time or score is NaN, or so large that sums of it are infinite."""
    inner = _flat_values(column)
    return pa.types.is_floating(inner.type) and not (np.abs(inner.to_numpy()) < MAX_NUMBER).all()


def _flat_values(column: pa.ChunkedArray) -> pa.ChunkedArray | pa.Array:
    """The values of lists, else the column itself."""
    return column.combine_chunks().flatten() if pa.types.is_list(column.type) else column


def _type_family(kind: pa.DataType) -> str:
    """Types that hold the same values: pandas writes large strings for strings."""
    if pa.types.is_list(kind):
        return f"list of {_type_family(kind.value_type)}"
    if pa.types.is_large_string(kind) or pa.types.is_string(kind):
        return "text"
    return "whole" if pa.types.is_integer(kind) else str(kind)


def _python_values(column: pa.ChunkedArray) -> list:
    """As Python values; equal texts are one object, since a million rows share few of them."""
    if column.type != pa.string() or not len(column):
        return column.to_pylist()
    coded = column.combine_chunks().dictionary_encode()
    texts = coded.dictionary.to_pylist()
    return [texts[place] for place in coded.indices.to_pylist()]


def index_by_id(rows: Sequence[RecordWithId]) -> dict[str, RecordWithId]:
    """Index rows by id; two rows of one id are a `InputError`."""
    index = {row.id: row for row in rows}
    if len(index) != len(rows):
        ids = [row.id for row in rows]
        twice = next(id for id in ids if ids.count(id) > 1)
        raise InputError(twice, "two rows have this id", "make ids unique in the source")
    return index


def pair_times(times: Sequence[float]) -> list[tuple[float, float]]:
    """(start, end) pairs of a flat list; an odd number of times is a ValueError."""
    return list(zip(times[::2], times[1::2], strict=True))


def group_by_field(rows: Iterable[Record], key: str) -> defaultdict[str, list[Record]]:
    """Rows by one of their fields, in the order given; an unknown group is empty."""
    groups: defaultdict[str, list[Record]] = defaultdict(list)
    for row in rows:
        groups[getattr(row, key)].append(row)
    return groups
