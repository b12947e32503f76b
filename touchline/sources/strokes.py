"""Read ShuttleSet's `setN.csv`: one stroke per line, at a frame of the match's broadcast."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from touchline.errors import BadInput
from touchline.records import Label, Video
from touchline.sources import readers, ready_questions
from touchline.sources.readers import MEND, Line
from touchline.sources.ready_questions import seconds
from touchline.sources.source import Reading
from touchline.sports.badminton import STROKES

COLUMNS = ("rally", "ball_round", "time", "frame_num", "player", "type", "lose_reason")
RATES = (25.0, 30.0, 50.0, 60.0, 30000 / 1001, 60000 / 1001)  # of broadcasts; equals: the first
SLACK = 0.5  # seconds by which a frame may be off its `time`, which is cut to whole seconds
WHOLE = re.compile(r"(\d{1,8})(\.0+)?", re.ASCII)  # files write 1 and 1.0 alike


@dataclass(frozen=True)
class Stroke:
    """One line, checked as far as a line alone can be."""

    id: str
    place: str
    file: str
    rally: int
    number: int  # in its rally, from 1
    frame: int
    clock: int  # seconds of the broadcast, cut to whole ones
    kind: str  # as in the file
    lost: str  # why the rally was lost, on its last stroke


@dataclass(frozen=True)
class Match:
    """The strokes of one match; `files` holds the faults of whole files."""

    id: str  # source/name: what the split is decided by
    video: str  # id
    name: str
    fps: float  # at which frames were counted
    strokes: Reading[Stroke]
    files: Reading[Any]


def read(source: str, own: Path, place: Path, sets: Sequence[Path]) -> Match:
    """The match whose folder is `place`, from its sets.

    No file states the frame rate: it is the one at which most lines agree with their `time`.
    Lines that disagree with it are faults: frame or time is of another stroke.
    """
    id = f"{source}/{place.relative_to(own).as_posix()}"  # two folders may hold one match
    files, strokes = Reading[Any](), Reading[Stroke]()
    for file in sets:
        files.take(f"{id}/{file.name}", lambda file=file: [*readers.lines(file, COLUMNS)])
        for line in files.rows.pop() if files.rows else []:
            row = f"{id}/broadcast/{file.stem}/{line.number}"
            strokes.take(row, _stroke, row, file.stem, line)
    fps = max(RATES, key=lambda rate: sum(_agrees(one, rate, 0.0) for one in strokes.rows))
    timed: Reading[Stroke] = Reading(faults=strokes.faults)
    for one in strokes.rows:
        timed.take(one.id, _timed, one, fps)
    return Match(f"{source}/{place.name}", f"{id}/broadcast", place.name, fps, timed, files)


def by_rally(match: Match) -> dict[tuple[str, int], list[Stroke]]:
    """The strokes of each rally, by file and number, in the order of the file."""
    found: dict[tuple[str, int], list[Stroke]] = {}
    for stroke in match.strokes.rows:
        found.setdefault((stroke.file, stroke.rally), []).append(stroke)
    return found


def label(stroke: Stroke, fps: float, video: Video | None) -> Label:
    """The stroke as an action of its broadcast."""
    video = ready_questions.kept(stroke.place, video)
    time = seconds(stroke.frame, fps, video)
    if time >= video.duration:
        wrong = f"is at {time:g} s, after the video's {video.duration:g} s"
        raise BadInput(stroke.place, wrong, "fetch the video that the labels were made on")
    return Label(stroke.id, video.id, stroke.kind, time, time, "", "", "", [], "")


def _stroke(id: str, file: str, line: Line) -> Stroke:
    cells = line.cells()
    clock = re.fullmatch(r"(\d\d):(\d\d):(\d\d)", cells["time"], re.ASCII)
    if not clock:
        raise BadInput(line.place, f"the time {cells['time']!r} is not hh:mm:ss", MEND)
    if cells["player"] not in ("A", "B"):
        raise BadInput(line.place, f"the player {cells['player']!r} is neither A nor B", MEND)
    if cells["type"] not in STROKES:
        known = ", ".join(STROKES)
        wrong = f"{cells['type']!r} is no type of stroke"
        raise BadInput(line.place, wrong, f"choose among {known}")
    rally, number, frame = (_whole(line, column) for column in ("rally", "ball_round", "frame_num"))
    hours, minutes, rest = map(int, clock.groups())
    time = hours * 3600 + minutes * 60 + rest
    kind, lost = cells["type"], cells["lose_reason"]
    return Stroke(id, line.place, file, rally, number, frame, time, kind, lost)


def _whole(line: Line, column: str) -> int:
    found = WHOLE.fullmatch(line.cells()[column])
    if not found:
        wrong = f"the {column} {line.cells()[column]!r} is no whole number"
        raise BadInput(line.place, wrong, MEND)
    return int(found[1])


def _agrees(stroke: Stroke, fps: float, slack: float) -> bool:
    return -slack <= stroke.frame / fps - stroke.clock < 1 + slack


def _timed(stroke: Stroke, fps: float) -> Stroke:
    if not _agrees(stroke, fps, SLACK):
        wrong = f"frame {stroke.frame} is at {stroke.frame / fps:.1f} s, the time {stroke.clock} s"
        raise BadInput(stroke.place, wrong, MEND)
    return stroke
