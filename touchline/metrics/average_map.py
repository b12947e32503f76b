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

from collections.abc import Mapping, Sequence
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
    return average_maps(truths, guesses, names, {"": tolerances})[""]


def average_maps(
    truths: Sequence[Truth],
    guesses: Sequence[Guess],
    names: Sequence[str],
    metrics: Mapping[str, Sequence[int]],
) -> dict[str, dict[str, Average]]:
    """The same for several {METRIC: tolerances}; what they share is done once."""
    asked = set(names)
    truths = [truth for truth in truths if truth.name in asked]
    guesses = [guess for guess in guesses if guess.name in asked]
    every = sorted({tolerance for wanted in metrics.values() for tolerance in wanted})
    counts = _by_shown(truths, guesses, names, every)
    found = {}
    for metric, wanted in metrics.items():
        columns = [every.index(tolerance) for tolerance in wanted]
        unshown, shown = counts[:, :, [*columns, -2, -1]]
        found[metric] = {
            "all": _average(precision(shown + unshown), names, 1.0),
            "shown": _average(precision(shown), names, 1.0),
            "unshown": _average(precision(unshown), names, UNSHOWN if len(wanted) > 1 else 1.0),
        }
    return found


def _by_shown(
    truths: Sequence[Truth],
    guesses: Sequence[Guess],
    names: Sequence[str],
    tolerances: Sequence[int],
) -> np.ndarray:
    """The `tally` in two rows: of unshown and of shown actions."""
    found = match(truths, guesses, tolerances)
    seen, looked = np.zeros(len(truths), int), np.zeros(len(guesses), int)
    seen[found.truths] = [truths[i].shown for i in found.truths.tolist()]
    looked[found.guesses] = found.shown
    where = cells(truths, seen, names), cells(guesses, looked, names)
    confidences = np.array([guess.confidence for guess in guesses])
    return tally(found, *where, confidences, 2, len(names))


def _average(curves: np.ndarray, names: Sequence[str], scale: float) -> Average:
    per_name = area(curves)
    return Average(
        float(area(curves.mean(0))) * scale,
        {name: float(value) for name, value in zip(names, per_name, strict=True)},
    )


def match(truths: Sequence[Truth], guesses: Sequence[Guess], tolerances: Sequence[int]) -> Matches:
    """Put both on the grid and match them one to one, per half, class and tolerance (seconds)."""
    groups: dict[tuple[str, str], int] = {}
    labels, left = _gridded(truths, groups)
    frames, kept = _gridded(guesses, groups)
    sure = np.array([guesses[i].confidence for i in kept.tolist()])
    real = sure >= 0
    frames, kept, sure = frames[real], kept[real], sure[real]
    shown = _nearest(frames, labels, np.array([truths[i].shown for i in left.tolist()], bool))
    return Matches(left, kept, _taken(labels, frames, sure, tolerances), shown)


def _gridded(
    spots: Sequence[Truth] | Sequence[Guess], groups: dict[tuple[str, str], int]
) -> tuple[np.ndarray, np.ndarray]:
    """Half-seconds of all halves and classes on one axis, ascending, and which spot is at each.

    Each (half, class) has a stretch of its own, of the number that `groups` gives it.
    """
    if not spots:
        return np.empty(0, int), np.empty(0, int)
    halves, names, times, _ = zip(*spots, strict=True)
    of = [groups.setdefault(key, len(groups)) for key in zip(halves, names, strict=True)]
    frames = np.clip(np.array(times, float) * STEPS, 0, LENGTH - 1).astype(int)
    frames += np.array(of) * STRETCH
    order = np.argsort(frames, kind="stable")
    ascending = frames[order]
    last = np.append(ascending[1:] != ascending[:-1], True)
    return ascending[last], order[last]


def _taken(
    labels: np.ndarray, guesses: np.ndarray, confidences: np.ndarray, tolerances: Sequence[int]
) -> np.ndarray:
    """Which guesses a label took: (guesses, tolerances). Of equal ones the first is taken.

    Both ascend. Half a tolerance of so many seconds is as many half-seconds.
    """
    taken = np.zeros((len(guesses), len(tolerances)), bool)
    order = np.argsort(-confidences, kind="stable")
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


def _best(rank: np.ndarray, order: np.ndarray, windows: np.ndarray) -> np.ndarray:
    """The guess that each window takes in turn, of those that no window before it took.

    Only in a run of overlapping windows where two want the same one are they gone through.
    """
    wanted = order[np.minimum.reduceat(rank, windows.ravel())[::2]]
    runs = np.append(0, np.cumsum(windows[1:, 0] >= windows[:-1, 1]))
    unlike = np.sort(wanted)
    twice = unlike[1:][unlike[1:] == unlike[:-1]]
    contested = np.isin(runs, runs[np.isin(wanted, twice)])
    fought = _in_turn(rank, wanted[contested].tolist(), windows[contested].tolist())
    return np.append(wanted[~contested], np.array(fought, int))


def _in_turn(rank: np.ndarray, wanted: list[int], windows: list[list[int]]) -> list[int]:
    taken: set[int] = set()
    for best, (first, last) in zip(wanted, windows, strict=True):
        if best not in taken:
            taken.add(best)
        elif free := [i for i in range(first, last) if i not in taken]:
            taken.add(min(free, key=rank.__getitem__))
    return list(taken)


def _nearest(frames: np.ndarray, labels: np.ndarray, shown: np.ndarray) -> np.ndarray:
    """Whether the label nearest to each frame is shown; the later one of two as near.

    False where the frame's stretch has no label.
    """
    if not len(labels):
        return np.zeros(len(frames), bool)
    after = np.searchsorted(labels, frames, side="right")
    behind, ahead = np.maximum(after - 1, 0), np.minimum(after, len(labels) - 1)
    own = frames // STRETCH
    left = (after > 0) & (labels[behind] // STRETCH == own)
    right = (after < len(labels)) & (labels[ahead] // STRETCH == own)
    later = right & (~left | ((labels[behind] + labels[ahead]) // 2 <= frames))
    return np.where(later, shown[ahead], shown[behind] & left)


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
    spots: Sequence[Truth] | Sequence[Guess], of: Sequence[int] | np.ndarray, names: Sequence[str]
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
