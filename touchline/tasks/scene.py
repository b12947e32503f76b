"""What can be seen in a clip and when, from the labels of its video."""

from collections.abc import Sequence
from dataclasses import dataclass

from touchline.records import Clip, Label
from touchline.sports import SPORTS
from touchline.sports.sport import Sport


@dataclass(frozen=True)
class Seen:
    """One labelled action; times in clip seconds, `start` to `end` is where it shows."""

    word: str
    moment: float
    start: float
    end: float


@dataclass(frozen=True)
class Scene:
    """A clip with its labelled actions in order of time."""

    clip: Clip
    sport: Sport
    seen: tuple[Seen, ...]
    ready: tuple[Label, ...]  # questions that the source brings along
    ready_only: bool = False  # nobody has named the actions of this video

    @property
    def length(self) -> float:
        return self.clip.end - self.clip.start

    def inside(self) -> list[Seen]:
        """Actions whose moment lies in the clip: the ones that are asked for."""
        return [s for s in self.seen if 0 <= s.moment < self.length]

    def shown(self, time: float) -> str:
        """The word for the frame at `time`; the sport's idle word when nothing of note shows."""
        return next((s.word for s in self.seen if s.start <= time < s.end), self.sport.idle)

    def interval(self, seen: Seen, length: float) -> tuple[float, float]:
        """`length` seconds centred on the label (spotting paper), cut to the clip."""
        start, end = around(seen.moment, length)
        return max(0.0, start), min(self.length, end)


def around(moment: float, length: float) -> tuple[float, float]:
    """`length` seconds centred on a moment."""
    return moment - length / 2, moment + length / 2


def scene(clip: Clip, labels: Sequence[Label]) -> Scene:
    """The labels of the clip's video, put into the clip's time."""
    sport = SPORTS[clip.sport]
    actions = sorted((_seen(label, clip, sport) for label in labels if not label.task), key=_moment)
    near = [s for s in actions if s.end > 0 and s.start < clip.end - clip.start]
    ready = [label for label in labels if label.task and clip.start <= label.start < clip.end]
    ready_only = bool(labels) and all(label.task for label in labels)
    return Scene(clip, sport, tuple(near), tuple(ready), ready_only)


def _seen(label: Label, clip: Clip, sport: Sport) -> Seen:
    moment = (label.start + label.end) / 2 - clip.start
    first, last = label.start - clip.start - sport.reach, label.end - clip.start + sport.reach
    return Seen(sport.words[label.name], moment, first, last)


def _moment(seen: Seen) -> float:
    return seen.moment
