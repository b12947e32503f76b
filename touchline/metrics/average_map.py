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

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np

LOOSE = tuple(range(5, 61, 5))  # tolerances in seconds
TIGHT = (1, 2, 3, 4, 5)
STEPS = 2  # of the grid, per second
LENGTH = 120 * 60 * STEPS  # of a half on the grid
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
    truths = [truth for truth in truths if truth.name in names]
    guesses = [guess for guess in guesses if guess.name in names]
    found = match(truths, guesses, tolerances)
    seen = np.array([truths[i].shown for i in found.truths], bool)
    views = {
        "all": (np.ones_like(seen), np.ones_like(found.shown)),
        "shown": (seen, found.shown),
        "unshown": (~seen, ~found.shown),
    }
    result = {}
    for view, (labels, tried) in views.items():
        part = Matches(found.truths[labels], found.guesses[tried], *_rows(found, tried))
        counts = tally(part, truths, guesses, names, [0] * len(truths), [0] * len(guesses), 1)[0]
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
    hits: list[np.ndarray] = []
    shown: list[bool] = []
    for key, row in tried.items():
        frames = [frame for frame in sorted(row) if guesses[row[frame]].confidence >= 0]
        labels = labelled.get(key, {})
        times = sorted(labels)
        confidences = [guesses[row[frame]].confidence for frame in frames]
        kept += [row[frame] for frame in frames]
        hits += [_taken(times, frames, confidences, tolerances)]
        shown += _nearest(frames, times, [truths[labels[time]].shown for time in times])
    left = [place for row in labelled.values() for place in row.values()]
    empty = np.zeros((0, len(tolerances)), bool)
    return Matches(
        np.array(left, int), np.array(kept, int), np.concatenate([empty, *hits]),
        np.array(shown, bool),
    )  # fmt: skip


def _gridded(spots: Sequence[Truth] | Sequence[Guess]) -> dict[tuple[str, str], dict[int, int]]:
    """{(half, class): {half-second: which spot}}."""
    grid: defaultdict[tuple[str, str], dict[int, int]] = defaultdict(dict)
    for place, spot in enumerate(spots):
        frame = min(max(int(STEPS * spot.time), 0), LENGTH - 1)
        grid[spot.half, spot.name][frame] = place
    return grid


def _taken(
    labels: list[int], guesses: list[int], confidences: list[float], tolerances: Sequence[int]
) -> np.ndarray:
    """Which guesses a label took: (guesses, tolerances). Of equal ones the first is taken.

    Half a tolerance of so many seconds is as many half-seconds.
    """
    taken = np.zeros((len(guesses), len(tolerances)), bool)
    for column, reach in enumerate(tolerances):
        free = [True] * len(guesses)
        for label in labels:
            first, last = bisect_left(guesses, label - reach), bisect_right(guesses, label + reach)
            near = [i for i in range(first, last) if free[i]]
            if near:
                free[max(near, key=confidences.__getitem__)] = False
        taken[:, column] = ~np.array(free, bool)
    return taken


def _nearest(frames: list[int], labels: list[int], shown: list[bool]) -> list[bool]:
    """Whether the label nearest to each frame is shown; the later one of two as near."""
    if not labels:
        return [False] * len(frames)
    borders = [(one + other) // 2 for one, other in pairwise(labels)]
    return [shown[bisect_right(borders, frame)] for frame in frames]


def tally(
    found: Matches,
    truths: Sequence[Truth],
    guesses: Sequence[Guess],
    names: Sequence[str],
    of_truths: Sequence[int],
    of_guesses: Sequence[int],
    rows: int,
) -> np.ndarray:
    """Count per row, class and confidence level: (rows, names, tolerances + 2, levels).

    `of_truths` and `of_guesses` are the rows in which each truth and each guess counts.
    The third axis holds the hits at each tolerance, then all guesses, then the labels. A level is
    a set of thresholds that let the same guesses through: equal confidences make a single one.
    """
    confidences = [guesses[i].confidence for i in found.guesses]
    passed = np.searchsorted(THRESHOLDS, confidences, side="right")
    levels, level = np.unique(passed, return_inverse=True)
    shape = (rows, len(names), max(len(levels), 1))
    tried = _cells(guesses, found.guesses, of_guesses, names) * shape[2] + level
    known = _cells(truths, found.truths, of_truths, names)
    columns = [np.bincount(tried, hit, np.prod(shape)) for hit in [*found.hits.T, None]]
    over = np.stack(columns).astype(float).reshape(-1, *shape)[..., ::-1].cumsum(-1)[..., ::-1]
    labels = np.bincount(known, minlength=rows * len(names)).reshape(1, *shape[:2], 1)
    counts = np.concatenate([over, labels.repeat(shape[2], -1)])
    return np.moveaxis(counts, 0, 2)


def _cells(
    spots: Sequence[Truth] | Sequence[Guess],
    which: np.ndarray,
    of: Sequence[int],
    names: Sequence[str],
) -> np.ndarray:
    """Row and class of `which` spots, as places in a flat table (rows, names)."""
    place = {name: i for i, name in enumerate(names)}
    return np.array([of[i] * len(names) + place[spots[i].name] for i in which], int)


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
