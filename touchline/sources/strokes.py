"""Read ShuttleSet's `setN.csv`: one stroke per line, at a frame number of the match's broadcast."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from touchline.errors import InputError
from touchline.records.label import Label
from touchline.records.video import Video
from touchline.sources import readers, ready_questions
from touchline.sources.readers import FIX_LINE, CsvLine
from touchline.sources.ready_questions import frame_to_seconds
from touchline.sources.source import ReadResult
from touchline.sports.badminton import STROKES

COLUMNS = ("rally", "ball_round", "time", "frame_num", "player", "type", "lose_reason")
FRAME_RATES = (
    25.0,
    30.0,
    50.0,
    60.0,
    30000 / 1001,
    60000 / 1001,
)  # of broadcasts; equals: the first
CLOCK_TOLERANCE = (
    0.5  # seconds by which a frame may be off its `time`, which is cut to whole seconds
)
WHOLE_NUMBER = re.compile(r"(\d{1,8})(\.0+)?", re.ASCII)  # files write 1 and 1.0 alike


@dataclass(frozen=True)
class Stroke:
    """One line of a set file, checked by itself; `clock` is the broadcast time in whole seconds."""

    id: str
    place: str
    file: str
    rally: int
    number: int  # in its rally, from 1
    frame: int
    clock: int  # seconds of the broadcast, cut to whole ones
    kind: str  # as in the file
    lose_reason: str  # why the rally was lost, on its last stroke


@dataclass(frozen=True)
class ShuttleSetMatch:
    """The strokes of one match; `files` holds the faults of whole files."""

    id: str  # source/name: what the split is decided by
    video: str  # id
    name: str
    fps: float  # at which frames were counted
    strokes: ReadResult[Stroke]
    files: ReadResult[Any]


def read_shuttleset_match(
    source: str, source_folder: Path, place: Path, sets: Sequence[Path]
) -> ShuttleSetMatch:
    """Read the match in the folder `place` from its set files.

    No file states the frame rate: the rate at which most lines agree with their `time` column is
    used. Lines that disagree with it become faults.
    """
    id = f"{source}/{place.relative_to(source_folder).as_posix()}"  # two folders may hold one match
    files, strokes = ReadResult[Any](), ReadResult[Stroke]()
    for file in sets:
        files.take(f"{id}/{file.name}", lambda file=file: [*readers.read_csv_lines(file, COLUMNS)])
        for line in files.rows.pop() if files.rows else []:
            row = f"{id}/broadcast/{file.stem}/{line.number}"
            strokes.take(row, _parse_stroke, row, file.stem, line)
    fps = max(
        FRAME_RATES,
        key=lambda rate: sum(_agrees_with_clock(stroke, rate, 0.0) for stroke in strokes.rows),
    )
    timed: ReadResult[Stroke] = ReadResult(faults=strokes.faults)
    for stroke in strokes.rows:
        timed.take(stroke.id, _check_stroke_time, stroke, fps)
    return ShuttleSetMatch(
        id=f"{source}/{place.name}",
        video=f"{id}/broadcast",
        name=place.name,
        fps=fps,
        strokes=timed,
        files=files,
    )


def group_strokes_by_rally(match: ShuttleSetMatch) -> dict[tuple[str, int], list[Stroke]]:
    """Return {(file, rally number): strokes in file order}."""
    strokes_by_rally: dict[tuple[str, int], list[Stroke]] = {}
    for stroke in match.strokes.rows:
        strokes_by_rally.setdefault((stroke.file, stroke.rally), []).append(stroke)
    return strokes_by_rally


def build_stroke_label(stroke: Stroke, fps: float, video: Video | None) -> Label:
    """Build the label of a stroke. Raises InputError if the stroke lies after the end
    of the video.
    """
    video = ready_questions.require_video(stroke.place, video)
    time = frame_to_seconds(stroke.frame, fps, video)
    if time >= video.duration:
        wrong = f"is at {time:g} s, after the video's {video.duration:g} s"
        raise InputError(stroke.place, wrong, "fetch the video that the labels were made on")
    return Label(
        id=stroke.id,
        video=video.id,
        name=stroke.kind,
        start=time,
        end=time,
        team="",
        task="",
        asked="",
        options=[],
        answer="",
    )


def _parse_stroke(id: str, file: str, line: CsvLine) -> Stroke:
    cells = line.cells()
    clock = re.fullmatch(r"(\d\d):(\d\d):(\d\d)", cells["time"], re.ASCII)
    if not clock:
        raise InputError(line.place, f"the time {cells['time']!r} is not hh:mm:ss", FIX_LINE)
    if cells["player"] not in ("A", "B"):
        raise InputError(line.place, f"the player {cells['player']!r} is neither A nor B", FIX_LINE)
    if cells["type"] not in STROKES:
        choices = ", ".join(STROKES)
        wrong = f"{cells['type']!r} is not a type of stroke"
        raise InputError(line.place, wrong, f"choose among {choices}")
    rally, number, frame = (
        _parse_whole_number(line, column) for column in ("rally", "ball_round", "frame_num")
    )
    hours, minutes, whole_seconds = map(int, clock.groups())
    time = hours * 3600 + minutes * 60 + whole_seconds
    kind, lose_reason = cells["type"], cells["lose_reason"]
    return Stroke(
        id=id,
        place=line.place,
        file=file,
        rally=rally,
        number=number,
        frame=frame,
        clock=time,
        kind=kind,
        lose_reason=lose_reason,
    )


def _parse_whole_number(line: CsvLine, column: str) -> int:
    number_match = WHOLE_NUMBER.fullmatch(line.cells()[column])
    if not number_match:
        wrong = f"the {column} {line.cells()[column]!r} is not a whole number"
        raise InputError(line.place, wrong, FIX_LINE)
    return int(number_match[1])


def _agrees_with_clock(stroke: Stroke, fps: float, slack: float) -> bool:
    return -slack <= stroke.frame / fps - stroke.clock < 1 + slack


def _check_stroke_time(stroke: Stroke, fps: float) -> Stroke:
    if not _agrees_with_clock(stroke, fps, CLOCK_TOLERANCE):
        wrong = f"frame {stroke.frame} is at {stroke.frame / fps:.1f} s, the time {stroke.clock} s"
        raise InputError(stroke.place, wrong, FIX_LINE)
    return stroke
