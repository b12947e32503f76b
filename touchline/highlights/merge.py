"""From the answers of overlapping clips to highlights: what was said twice counts once."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

Interval = tuple[float, float]
TOUCH = 0.5  # seconds: an interval that comes this near to its clip's border may be cut by it
SHARED = 0.5  # share of the shorter interval that must overlap for two to be one action


@dataclass(frozen=True)
class Said:
    """One interval of one answer, in seconds of the file."""

    clip: Interval
    start: float
    end: float
    answer: str  # id of the answer

    @property
    def whole(self) -> bool:
        """Neither end lies at the border of its clip."""
        return self.start > self.clip[0] + TOUCH and self.end < self.clip[1] - TOUCH


@dataclass(frozen=True)
class Found:
    """One action of a file: when, and how many of the clips that show its middle say so."""

    start: float
    end: float
    votes: int
    looks: int
    answers: tuple[str, ...]


def merged(said: Sequence[Said], clips: Sequence[Interval], least: float) -> list[Found]:
    """Intervals that overlap by half of the shorter are one action, by time.

    Its bounds are the medians of the intervals that no clip's border cuts, or where there is none
    the union of the pieces. At least the share `least` of the clips must have said it.
    """
    groups: list[list[Said]] = []
    for one in sorted(said, key=lambda one: (one.start + one.end, one.start)):
        near = [group for group in groups if any(_same(one, other) for other in group)]
        if near:
            near[-1].append(one)
        else:
            groups.append([one])
    found = [_found(group, clips) for group in groups]
    return [one for one in found if one.votes >= least * one.looks - 1e-9]


def _same(one: Said, other: Said) -> bool:
    overlap = min(one.end, other.end) - max(one.start, other.start)
    return overlap >= SHARED * min(one.end - one.start, other.end - other.start)


def _found(group: Sequence[Said], clips: Sequence[Interval]) -> Found:
    whole = [one for one in group if one.whole]
    if whole:
        start, end = median(one.start for one in whole), median(one.end for one in whole)
    else:
        start, end = min(one.start for one in group), max(one.end for one in group)
    middle = (start + end) / 2
    votes = len({one.clip for one in group})
    looks = sum(low <= middle < high for low, high in clips)
    answers = tuple(sorted({one.answer for one in group}))
    return Found(start, end, votes, max(looks, votes), answers)
