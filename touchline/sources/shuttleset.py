"""The source `shuttleset`: badminton matches stroke by stroke, and questions about each rally.

Wang et al., "ShuttleSet" (KDD 2023): a folder per match with `set1.csv`, `set2.csv`, ...
"""

from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from itertools import groupby
from pathlib import Path

from touchline.records import Label, Video
from touchline.sources import folder, rallies, rows, strokes
from touchline.sources.folder import FILMS, Films, Folder
from touchline.sources.source import Found, Part, Reading, Source
from touchline.sources.strokes import Match

NAME = "shuttleset"
HOME = "https://github.com/wywyWang/CoachAI-Projects"
SETS = ("*/**/set[0-9]*.csv",)
AFTER = 1.0  # seconds that a match whose video is not here goes on after its last stroke
PARTS = (
    Part("labels", SETS, f"{HOME}/tree/main/ShuttleSet", "Free for all, in the folder `set`."),
    Part(
        "videos",
        FILMS,
        f"{HOME}/tree/main/ShuttleSet",
        "Broadcasts on YouTube, by the addresses in match.csv; name each file like the folder of "
        "its match, for instance MATCH.mp4.",
    ),
)


def download(settings: Folder, own: Path, executor: Executor) -> None:
    folder.bring(NAME, settings.folder, PARTS, own)


def videos(settings: Folder, own: Path) -> Reading[Found]:
    """One broadcast per match; one that is not here ends after its last stroke."""
    reading, films = Reading[Found](), Films(own)
    for match in _matches(own):
        reading.faults += match.files.faults
        if match.strokes.rows:
            reading.take(match.video, _found, match, films)
    return reading


def labels(settings: Folder, own: Path, found: Sequence[Video]) -> Reading[Label]:
    """One action per stroke; per rally how many there are, which is the last, where it goes."""
    known = {video.id: video for video in found}
    reading: Reading[Label] = Reading()
    for match in _matches(own):
        reading.faults += match.strokes.faults
        video, before = known.get(match.video), len(reading.rows)
        for stroke in match.strokes.rows:
            reading.take(stroke.id, strokes.label, stroke, match.fps, video)
        _ask(reading, match, {label.id: label for label in reading.rows[before:]}, video)
    return reading


def _matches(own: Path) -> list[Match]:
    files = sorted(folder.matching(own, SETS), key=lambda file: (file.parent, file.name))
    return [
        strokes.read(NAME, own, place, list(sets))
        for place, sets in groupby(files, key=lambda file: file.parent)
    ]


def _found(match: Match, films: Films) -> Found:
    last = max(stroke.frame for stroke in match.strokes.rows) / match.fps
    path = films.find(match.video, match.name)
    return Found(match.video, path, "badminton", match.id, "broadcast", round(last + AFTER, 6))


def _ask(
    reading: Reading[Label], match: Match, labelled: Mapping[str, Label], video: Video | None
) -> None:
    """Add the questions about each rally; one with a faulty stroke is a fault, too."""
    for (file, number), played in strokes.by_rally(match).items():
        row = f"{match.video}/{file}/rally/{number}"
        whole: Reading[rallies.Rally] = Reading()
        whole.take(row, rallies.rally, row, played, labelled, video)
        reading.faults += whole.faults
        for one in whole.rows:
            reading.rows += rallies.questions(one)


SHUTTLESET = Source(
    name=NAME,
    licence="MIT (labels); broadcasters' own (videos)",
    terms="open",
    homepage=HOME,
    sports=("badminton",),
    tasks=("counting", "choice"),
    parts=PARTS,
    settings=Folder,
    download=download,
    videos=videos,
    labels=labels,
    speech=rows.silent,
)
