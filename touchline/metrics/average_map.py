"""Average-mAP of action spotting, as SoccerNet's challenges compute it.

Source: Giancola et al., "SoccerNet" (CVPRW 2018) and Deliege et al., "SoccerNet-v2" (CVPRW 2021);
where they leave room, what version 0.2.0 of the package `SoccerNet` does:

- time is a grid of half-seconds, 120 minutes long; of two spots of one class in one half-second
  the later in the list replaces the earlier;
- each label, in order of time, takes the most confident guess that no label took and that lies
  within half the tolerance: a tolerance of 5 s is a window of 5 s, 2.5 s to either side;
- precision and recall are read at 200 confidence thresholds from 0 to 1, and the AP of a class is
  the mean over recalls 0, 0.1, ... 1 of the best precision at that recall or a higher one;
- mAP is the plain mean over classes, Average-mAP the area under mAP over the tolerances;
- a guess is of a shown action when the label nearest to it in its half is, and of an unshown one
  otherwise, as well where its half has no such label; the mean for unshown actions is scaled by
  17/13, since four of SoccerNet's classes are always shown.

One departure: a time before the half counts as its first half-second; there it is from the end.
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np

LOOSE = tuple(range(5, 61, 5))  # tolerances in seconds
TIGHT = (1, 2, 3, 4, 5)
STEPS = 2  # of the grid, per second
LENGTH = 120 * 60 * STEPS  # of a half on the grid
STRETCH = 2 * LENGTH  # from one half and class to the next: no tolerance reaches so far
THRESHOLDS = np.linspace(0, 1, 200)
RECALLS = np.arange(11) / 10
UNSHOWN = 17 / 13


class Truth(NamedTuple):
    """A labelled action; `half` names a recording with a clock of its own."""

    half: str
    name: str  # its class
    time: float  # seconds from the start of the half
    shown: bool


class Guess(NamedTuple):
    """A predicted action; a negative confidence is no guess."""

    half: str
    name: str
    time: float
    confidence: float


class Matches(NamedTuple):
    """What is left on the grid, by place in the lists given, and which guesses are right."""

    truths: np.ndarray  # (labels,)
    guesses: np.ndarray  # (guesses,)
    hits: np.ndarray  # (guesses, tolerances)
    shown: np.ndarray  # (guesses,) whether the label nearest to it is shown


class Average(NamedTuple):
    """Average-mAP and its parts per class; with one tolerance, mAP."""

    mean: float
    per_name: dict[str, float]


def average_map(
    truths: Sequence[Truth],
    guesses: Sequence[Guess],
    names: Sequence[str],
    tolerances: Sequence[int],
) -> dict[str, Average]:
    """Average-mAP over `names` for all actions, for the `shown` and the `unshown` ones.

    Classes outside `names` are left out; one of `names` that never occurs has AP 0.
    """
    asked = set(names)
    truths = [truth for truth in truths if truth.name in asked]
    guesses = [guess for guess in guesses if guess.name in asked]
    found = match(truths, guesses, tolerances)
    seen = np.array([truths[i].shown for i in found.truths], bool)
    views = {
        "all": (np.ones_like(seen), np.ones_like(found.shown)),
        "shown": (seen, found.shown),
        "unshown": (~seen, ~found.shown),
    }
    known = cells(truths, np.zeros(len(truths), int), names)
    tried = cells(guesses, np.zeros(len(guesses), int), names)
    confidences = np.array([guess.confidence for guess in guesses])
    result = {}
    for view, (labels, made) in views.items():
        part = Matches(found.truths[labels], found.guesses[made], *_rows(found, made))
        counts = tally(part, known, tried, confidences, 1, len(names))[0]
        scale = UNSHOWN if view == "unshown" and len(tolerances) > 1 else 1.0
        result[view] = _average(precision(counts), names, scale)
    return result


def _rows(found: Matches, which: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return found.hits[which], found.shown[which]


def _average(curves: np.ndarray, names: Sequence[str], scale: float) -> Average:
    per_name = area(curves)
    return Average(
        float(area(curves.mean(0))) * scale,
        {name: float(value) for name, value in zip(names, per_name, strict=True)},
    )


def match(truths: Sequence[Truth], guesses: Sequence[Guess], tolerances: Sequence[int]) -> Matches:
    """Put both on the grid and match them one to one, per half, class and tolerance (seconds)."""
    labelled, tried = _gridded(truths), _gridded(guesses)
    kept: list[int] = []
    shown: list[bool] = []
    labels: list[int] = []  # of all groups on one axis, each group a stretch of its own
    frames: list[int] = []
    for number, (key, row) in enumerate(tried.items()):
        here = [frame for frame in sorted(row) if guesses[row[frame]].confidence >= 0]
        given = labelled.get(key, {})
        times = sorted(given)
        kept += [row[frame] for frame in here]
        shown += _nearest(here, times, [truths[given[time]].shown for time in times])
        labels += [number * STRETCH + time for time in times]
        frames += [number * STRETCH + frame for frame in here]
    confidences = np.array([guesses[i].confidence for i in kept])
    hits = _taken(np.array(labels, int), np.array(frames, int), confidences, tolerances)
    left = [place for row in labelled.values() for place in row.values()]
    return Matches(np.array(left, int), np.array(kept, int), hits, np.array(shown, bool))


def _gridded(spots: Sequence[Truth] | Sequence[Guess]) -> dict[tuple[str, str], dict[int, int]]:
    """{(half, class): {half-second: which spot}}."""
    grid: defaultdict[tuple[str, str], dict[int, int]] = defaultdict(dict)
    for place, (half, name, time, _) in enumerate(spots):
        frame = int(STEPS * time)
        grid[half, name][0 if frame < 0 else frame if frame < LENGTH else LENGTH - 1] = place
    return grid


def _taken(
    labels: np.ndarray, guesses: np.ndarray, confidences: np.ndarray, tolerances: Sequence[int]
) -> np.ndarray:
    """Which guesses a label took: (guesses, tolerances). Of equal ones the first is taken.

    Both ascend. Half a tolerance of so many seconds is as many half-seconds.
    """
    taken = np.zeros((len(guesses), len(tolerances)), bool)
    order = np.lexsort((np.arange(len(guesses)), -confidences))
    rank = np.empty(len(guesses) + 1, int)  # one more, so that a window may end behind the last
    rank[order], rank[-1] = np.arange(len(guesses)), len(guesses)
    for column, reach in enumerate(tolerances):
        first = np.searchsorted(guesses, labels - reach)
        last = np.searchsorted(guesses, labels + reach, side="right")
        near = last > first
        if near.any():
            windows = np.stack([first[near], last[near]], 1)
            taken[_best(rank, order, windows), column] = True
    return taken


def _best(rank: np.ndarray, order: np.ndarray, windows: np.ndarray) -> list[int]:
    """The guess that each window takes in turn, of those that no window before it took.

    Where no two windows want the same guess, each has its best: only the others are gone through.
    """
    wanted = order[np.minimum.reduceat(rank, windows.ravel())[::2]]
    if len(np.unique(wanted)) == len(wanted):
        return wanted.tolist()
    ranks, taken, found = rank.tolist(), set[int](), list[int]()
    for best, (first, last) in zip(wanted.tolist(), windows.tolist(), strict=True):
        if best in taken:
            free = [i for i in range(first, last) if i not in taken]
            if not free:
                continue
            best = min(free, key=ranks.__getitem__)
        taken.add(best)
        found.append(best)
    return found


def _nearest(frames: list[int], labels: list[int], shown: list[bool]) -> list[bool]:
    """Whether the label nearest to each frame is shown; the later one of two as near."""
    if not labels:
        return [False] * len(frames)
    borders = [(one + other) // 2 for one, other in pairwise(labels)]
    return [shown[bisect_right(borders, frame)] for frame in frames]


def tally(
    found: Matches,
    truths: np.ndarray,
    guesses: np.ndarray,
    confidences: np.ndarray,
    rows: int,
    names: int,
) -> np.ndarray:
    """Count per row, class and confidence level: (rows, names, tolerances + 2, levels).

    `truths` and `guesses` are the `cells` in which each of them counts.
    The third axis holds the hits at each tolerance, then all guesses, then the labels. A level is
    a set of thresholds that let the same guesses through: equal confidences make a single one.
    """
    passed = np.searchsorted(THRESHOLDS, confidences[found.guesses], side="right")
    levels, level = np.unique(passed, return_inverse=True)
    shape = (rows, names, max(len(levels), 1))
    tried = guesses[found.guesses] * shape[2] + level
    columns = [np.bincount(tried, hit, np.prod(shape)) for hit in [*found.hits.T, None]]
    over = np.stack(columns).astype(float).reshape(-1, *shape)[..., ::-1].cumsum(-1)[..., ::-1]
    labels = np.bincount(truths[found.truths], minlength=rows * names).reshape(1, *shape[:2], 1)
    counts = np.concatenate([over, labels.repeat(shape[2], -1)])
    return np.moveaxis(counts, 0, 2)


def cells(
    spots: Sequence[Truth] | Sequence[Guess], of: Sequence[int], names: Sequence[str]
) -> np.ndarray:
    """Row (`of` each spot) and class, as places in a flat table (rows, names)."""
    place = {name: i for i, name in enumerate(names)}
    classes = np.array([place[spot.name] for spot in spots], int)
    return np.asarray(of, int) * len(names) + classes


def precision(counts: np.ndarray) -> np.ndarray:
    """The AP of counts (..., names, tolerances + 2, levels) -> (..., names, tolerances)."""
    hits, guesses, labels = counts[..., :-2, :], counts[..., -2:-1, :], counts[..., -1:, :]
    exact = np.divide(hits, guesses, out=np.zeros_like(hits), where=guesses > 0)
    recall = np.divide(hits, labels, out=np.zeros_like(hits), where=labels > 0)
    best = np.maximum.accumulate(exact, -1)  # of a level and all below, whose recall is higher
    reached = np.searchsorted(RECALLS, recall, side="right")
    only_here = reached - np.append(reached[..., 1:], np.zeros_like(reached[..., :1]), -1)
    return (best * only_here).sum(-1) / len(RECALLS)


def area(curve: np.ndarray) -> np.ndarray:
    """The mean height of a curve (..., tolerances) by trapezoids; of one point, its height."""
    if curve.shape[-1] == 1:
        return curve[..., 0]
    return ((curve[..., 1:] + curve[..., :-1]) / 2).mean(-1)
