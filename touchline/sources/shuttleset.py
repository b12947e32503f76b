"""The source `shuttleset`: badminton matches stroke by stroke, and questions about each rally.

Wang et al., "ShuttleSet" (KDD 2023): a folder per match with `set1.csv`, `set2.csv`, ...
"""

from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from touchline.chat.prompts import words
from touchline.errors import BadInput
from touchline.records import Label, Video
from touchline.sources import folder, ready_questions, strokes
from touchline.sources.folder import FILMS, Films, Folder
from touchline.sources.ready_questions import shuffled
from touchline.sources.source import Found, Part, Reading, Source
from touchline.sources.strokes import Match, Stroke
from touchline.sports.badminton import STROKES

AROUND = 1.0  # seconds before the first and after the last stroke
UNKNOWN = "未知球種"
ENDS = {  # ShuttleSet's reason why the loser lost -> where the last shuttle went
    "對手落地致勝": "down in the opponent's court",
    "出界": "out of court",
    "掛網": "into the net",
    "未過網": "short of the net",
}


@dataclass(frozen=True)
class Rally:
    """A whole rally: its strokes are all there and good. Seconds of the broadcast."""

    id: str
    video: str
    start: float
    end: float
    strokes: tuple[Stroke, ...]


def rally(
    id: str, strokes: Sequence[Stroke], labelled: Mapping[str, Label], video: Video | None
) -> Rally:
    """The strokes as a rally; a `BadInput` when one is missing, faulty or out of order.

    Only the last stroke of a rally says why it was lost: without that, its end may be missing.
    """
    found = [labelled[stroke.id] for stroke in strokes if stroke.id in labelled]
    numbers = [stroke.number for stroke in strokes]
    times = [label.start for label in found]
    whole = len(found) == len(strokes) and numbers == list(range(1, len(strokes) + 1))
    if video is None or not whole or not strokes[-1].lost or times != sorted(times):
        wrong = f"its strokes {numbers} are not a whole rally in order of time"
        raise BadInput(id, wrong, "mend the lines of the rally; nothing is asked about it")
    start, end = max(0.0, times[0] - AROUND), min(video.duration, times[-1] + AROUND)
    return Rally(id, video.id, start, end, tuple(strokes))


def questions(rally: Rally) -> list[Label]:
    """The ready questions; a last stroke or an end that nobody could tell is not asked about."""
    last = rally.strokes[-1]
    asked = [_label(rally, "count", "counting", "rally_strokes", [], str(len(rally.strokes)))]
    if last.kind != UNKNOWN:
        kinds = {word for kind, word in STROKES.items() if kind != UNKNOWN}
        asked.append(_choice(rally, "last", "rally_last_stroke", STROKES[last.kind], kinds))
    if last.lost in ENDS:
        asked.append(_choice(rally, "end", "rally_end", ENDS[last.lost], {*ENDS.values()}))
    return asked


def _choice(rally: Rally, part: str, prompt: str, right: str, among: set[str]) -> Label:
    options = shuffled(f"{rally.id}/{part}", right, among)
    return _label(rally, part, "choice", prompt, options, right)


def _label(
    rally: Rally, part: str, task: str, prompt: str, options: list[str], answer: str
) -> Label:
    return Label(
        id=f"{rally.id}/{part}",
        video=rally.video,
        name="",
        start=rally.start,
        end=rally.end,
        team="",
        task=task,
        asked=words(prompt),
        options=options,
        answer=answer,
    )


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
        whole: Reading[Rally] = Reading()
        whole.take(row, rally, row, played, labelled, video)
        reading.faults += whole.faults
        for one in whole.rows:
            reading.rows += questions(one)


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
    speech=ready_questions.silent,
)
