"""Questions about a badminton rally, from its strokes: how many, which the last, where to."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from touchline.faults import BadInput
from touchline.prompts import words
from touchline.records import Label, Video
from touchline.sources.options import shuffled
from touchline.sources.strokes import Stroke
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
