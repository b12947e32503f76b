"""The source `repcount`: exercises whose repetitions are labelled and counted.

Hu et al., "TransRAC" (CVPR 2022): CSV files with type, name, count and L1, L2, ... = first and
last frame of each repetition, as many as the longest row of the file needs.
"""

import re
from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import Field

from touchline.chat.prompts import render
from touchline.errors import BadInput
from touchline.records import Label, Video
from touchline.sources import folder, readers, ready_questions
from touchline.sources.folder import FILMS, Films, Folder
from touchline.sources.readers import MEND, Line
from touchline.sources.source import Found, Part, Reading, Source
from touchline.sports.fitness import FITNESS

NAME = "repcount"
HOME = "https://github.com/SvipRepetitionCounting/TransRAC"
TABLES = ("**/*.csv",)
COLUMNS = ("type", "name", "count", "L1", "L2")
PERSON = re.compile(r"(stu\d+)_\d+")  # several videos of one person stay together
PARTS = (
    Part("labels", TABLES, HOME, "Free for all: CSV files, in the data set's annotation folder."),
    Part(
        "videos",
        FILMS,
        "https://svip-lab.github.io/dataset/RepCount_dataset.html",
        "Links to the archive stand on that page; unpack it anywhere below the folder.",
    ),
)


class Settings(Folder):
    fps: float = Field(ge=1, le=1000)  # of a video that is not here: the files state none


@dataclass(frozen=True)
class Row:
    """One video as a line has it, checked; its repetitions are not."""

    id: str
    video: str  # id
    match: str
    stem: str
    kind: str
    count: int
    cells: list[str]  # of the repetitions, from the first to the last that is not empty


Pair = tuple[int, str, str]  # number of the repetition, its two cells


def download(settings: Settings, own: Path, executor: Executor) -> None:
    folder.bring(NAME, settings.folder, PARTS, own)


def videos(settings: Settings, own: Path) -> Reading[Found]:
    """Every video that a line counts in; one that is not here ends with its last repetition."""
    lines, whole = _lines(own)
    good, films = _rows(lines), Films(own)
    reading: Reading[Found] = Reading(faults=[*whole.faults, *good.faults])
    for row in good.rows:
        reading.take(row.id, _found, row, films, settings.fps)
    return reading


def labels(settings: Settings, own: Path, found: Sequence[Video]) -> Reading[Label]:
    """One action per repetition, and per video the question how many there are."""
    lines, _ = _lines(own)
    known = {video.id: video for video in found}
    reading: Reading[Label] = Reading()
    for row in _rows(lines).rows:
        video, before = known.get(row.video), len(reading.rows)
        for pair in _pairs(row):
            id = f"{row.id}/repetition/{pair[0]}"
            reading.take(id, _repetition, row, pair, video, settings.fps)
        done = reading.rows[before:]
        reading.take(f"{row.id}/count", _count, row, video, done)
    return reading


def _lines(own: Path) -> tuple[list[tuple[str, Line]], Reading[Any]]:
    """(id, line) of all files; a file that cannot be read is one faulty row."""
    found, whole = [], Reading[Any]()
    for file in folder.matching(own, TABLES):
        id = f"{NAME}/{file.relative_to(own).as_posix()}"
        whole.take(id, lambda file=file: [*readers.lines(file, COLUMNS)])
        read = whole.rows.pop() if whole.rows else []
        found += [(f"{id}/{line.number}", line) for line in read]
    return found, whole


def _rows(lines: list[tuple[str, Line]]) -> Reading[Row]:
    reading: Reading[Row] = Reading()
    seen: dict[str, str] = {}
    for id, line in lines:
        reading.take(id, _row, id, line, seen)
    return reading


def _row(id: str, line: Line, seen: dict[str, str]) -> Row:
    cells = line.cells()
    kind, count = cells["type"], cells["count"]
    if kind not in FITNESS.words:
        known = ", ".join(FITNESS.words)
        raise BadInput(line.place, f"{kind!r} is no type of exercise", f"choose among {known}")
    if not re.fullmatch(r"\d{1,6}", count, re.ASCII):
        raise BadInput(line.place, f"the count {count!r} is no whole number", MEND)
    name = folder.file_name(line.place, cells["name"])
    first = seen.setdefault(name, line.place)
    if first != line.place:
        raise BadInput(line.place, f"is about the same video as {first}", "remove one of the two")
    stem = name.rpartition(".")[0] or name
    person = PERSON.fullmatch(stem)
    match = f"{NAME}/{person[1] if person else stem}"
    marks = [cells[column] for column in line.head if re.fullmatch(r"L\d+", column)]
    while marks and not marks[-1]:
        marks.pop()
    return Row(id, f"{match}/{stem}", match, stem, kind, int(count), marks)


def _pairs(row: Row) -> list[Pair]:
    cells = [*row.cells, ""] if len(row.cells) % 2 else row.cells
    return [(i // 2, cells[i], cells[i + 1]) for i in range(0, len(cells), 2)]


def _found(row: Row, films: Films, fps: float) -> Found:
    path = films.find(row.id, row.stem)
    frames = [float(cell) for cell in row.cells if _is_frame(cell)]
    if path is None and not frames:
        wrong = "has no repetition, and its video is not here: its length is unknown"
        raise BadInput(row.id, wrong, "fetch the video")
    length = round((max(frames, default=0.0) + 1) / fps, 6)
    return Found(row.video, path, FITNESS.name, row.match, row.stem, length)


def _is_frame(cell: str) -> bool:
    """Files write 433 and 1020.0 alike."""
    return bool(re.fullmatch(r"\d{1,7}(\.0+)?", cell, re.ASCII))


def _repetition(row: Row, pair: Pair, video: Video | None, fps: float) -> Label:
    number, *cells = pair
    place = f"{row.id}: L{2 * number + 1}, L{2 * number + 2}"
    video = ready_questions.kept(place, video)
    if not all(map(_is_frame, cells)):
        raise BadInput(place, f"{cells} are not two frame numbers", MEND)
    first, last = map(float, cells)
    if last <= first:
        raise BadInput(place, f"ends at frame {last:g}, not after its start at {first:g}", MEND)
    rate = video.fps if video.frames else fps
    start, end = round(first / rate, 6), round(last / rate, 6)
    if end > video.duration:
        raise BadInput(place, f"ends at {end:g} s, after the video's {video.duration:g} s", MEND)
    id = f"{video.id}/repetition/{number}"
    return Label(id, video.id, row.kind, start, end, "", "", "", [], "")


def _count(row: Row, video: Video | None, done: Sequence[Label]) -> Label:
    """The question how many; a count that its own repetitions do not bear out is a `BadInput`."""
    video = ready_questions.kept(row.id, video)
    if row.count != len(done):
        wrong = f"its count is {row.count}, its good repetitions are {len(done)}"
        raise BadInput(row.id, wrong, MEND)
    word = FITNESS.words[row.kind]
    return Label(
        id=f"{video.id}/count",
        video=video.id,
        name="",
        start=0.0,
        end=max((label.end for label in done), default=video.duration),
        team="",
        task="counting",
        asked=render("repetitions", exercise=word, start="{start}", end="{end}"),
        options=[],
        answer=str(row.count),
    )


REPCOUNT = Source(
    name=NAME,
    licence="Apache-2.0 (labels); uploaders' own (videos)",
    terms="open",
    homepage=HOME,
    sports=("fitness",),
    tasks=("counting",),
    parts=PARTS,
    settings=Settings,
    download=download,
    videos=videos,
    labels=labels,
    speech=ready_questions.silent,
)
