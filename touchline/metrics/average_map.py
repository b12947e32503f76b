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

LOOSE_TOLERANCES = tuple(range(5, 61, 5))  # tolerances in seconds
TIGHT_TOLERANCES = (1, 2, 3, 4, 5)
STEPS_PER_SECOND = 2  # of the grid, per second
HALF_STEPS = 120 * 60 * STEPS_PER_SECOND  # of a half on the grid
STRETCH_STEPS = 2 * HALF_STEPS  # from one half and class to the next: no tolerance reaches so far
THRESHOLDS = np.linspace(0, 1, 200)
RECALLS = np.arange(11) / 10
UNSHOWN_SCALE = 17 / 13


class LabelledAction(NamedTuple):
    """A labelled action; `half` names a recording with its own clock."""

    half: str
    name: str  # its class
    time: float  # seconds from the start of the half
    shown: bool


class PredictedAction(NamedTuple):
    """A predicted action; one with negative confidence is ignored."""

    half: str
    name: str
    time: float
    confidence: float


class GridMatches(NamedTuple):
    """Labels and predictions left on the time grid (as indices into the input lists), and which
    predictions are right.
    """

    truths: np.ndarray  # (labels,)
    guesses: np.ndarray  # (guesses,)
    hits: np.ndarray  # (guesses, tolerances)
    shown: np.ndarray  # (guesses,) whether the label nearest to it is shown


class AverageMap(NamedTuple):
    """Average-mAP and its value per class; with a single tolerance, mAP and AP."""

    mean: float
    per_name: dict[str, float]


def compute_average_map(
    truths: Sequence[LabelledAction],
    guesses: Sequence[PredictedAction],
    names: Sequence[str],
    tolerances: Sequence[int],
) -> dict[str, AverageMap]:
    """Average-mAP over the classes `names`: {'all', 'shown', 'unshown'}. `tolerances` in seconds.

    Other classes are left out; a class of `names` that never occurs has AP 0.
    """
    return compute_average_maps(truths, guesses, names, {"": tolerances})[""]


def compute_average_maps(
    truths: Sequence[LabelledAction],
    guesses: Sequence[PredictedAction],
    names: Sequence[str],
    metrics: Mapping[str, Sequence[int]],
) -> dict[str, dict[str, AverageMap]]:
    """`compute_average_map` for several {METRIC: tolerances} at once, sharing the work."""
    name_set = set(names)
    truths = [truth for truth in truths if truth.name in name_set]
    guesses = [guess for guess in guesses if guess.name in name_set]
    all_tolerances = sorted(
        {tolerance for metric_tolerances in metrics.values() for tolerance in metric_tolerances}
    )
    counts = _count_by_visibility(truths, guesses, names, all_tolerances)
    averages = {}
    for metric, metric_tolerances in metrics.items():
        columns = [all_tolerances.index(tolerance) for tolerance in metric_tolerances]
        unshown, shown = counts[:, :, [*columns, -2, -1]]
        averages[metric] = {
            "all": _average_curves(compute_average_precision(shown + unshown), names, 1.0),
            "shown": _average_curves(compute_average_precision(shown), names, 1.0),
            "unshown": _average_curves(
                compute_average_precision(unshown),
                names,
                UNSHOWN_SCALE if len(metric_tolerances) > 1 else 1.0,
            ),
        }
    return averages


def _count_by_visibility(
    truths: Sequence[LabelledAction],
    guesses: Sequence[PredictedAction],
    names: Sequence[str],
    tolerances: Sequence[int],
) -> np.ndarray:
    """`count_by_confidence` in two rows: of unshown and of shown actions."""
    matches = match_actions(truths, guesses, tolerances)
    truth_shown, guess_shown = np.zeros(len(truths), int), np.zeros(len(guesses), int)
    truth_shown[matches.truths] = [truths[i].shown for i in matches.truths.tolist()]
    guess_shown[matches.guesses] = matches.shown
    where = (
        index_table_cells(truths, truth_shown, names),
        index_table_cells(guesses, guess_shown, names),
    )
    confidences = np.array([guess.confidence for guess in guesses])
    return count_by_confidence(matches, *where, confidences, 2, len(names))


def _average_curves(curves: np.ndarray, names: Sequence[str], scale: float) -> AverageMap:
    per_name = compute_curve_mean(curves)
    return AverageMap(
        float(compute_curve_mean(curves.mean(0))) * scale,
        {name: float(value) for name, value in zip(names, per_name, strict=True)},
    )


def match_actions(
    truths: Sequence[LabelledAction], guesses: Sequence[PredictedAction], tolerances: Sequence[int]
) -> GridMatches:
    """Put labels and predictions on the grid and match them one to one, per half, class and
    tolerance (seconds).
    """
    groups: dict[tuple[str, str], int] = {}
    labels, label_places = _to_grid(truths, groups)
    frames, guess_places = _to_grid(guesses, groups)
    confidences = np.array([guesses[i].confidence for i in guess_places.tolist()])
    is_guess = confidences >= 0
    frames, guess_places, confidences = (
        frames[is_guess],
        guess_places[is_guess],
        confidences[is_guess],
    )
    shown = _nearest_is_shown(
        frames, labels, np.array([truths[i].shown for i in label_places.tolist()], bool)
    )
    return GridMatches(
        label_places,
        guess_places,
        _match_per_tolerance(labels, frames, confidences, tolerances),
        shown,
    )


def _to_grid(
    spots: Sequence[LabelledAction] | Sequence[PredictedAction], groups: dict[tuple[str, str], int]
) -> tuple[np.ndarray, np.ndarray]:
    """Half-seconds of all halves and classes on one axis, ascending, and the index of the action at
    each.

    Each (half, class) has its own stretch of the axis, numbered by `groups`.
    """
    if not spots:
        return np.empty(0, int), np.empty(0, int)
    halves, names, times, _ = zip(*spots, strict=True)
    group_numbers = [groups.setdefault(key, len(groups)) for key in zip(halves, names, strict=True)]
    frames = np.clip(np.array(times, float) * STEPS_PER_SECOND, 0, HALF_STEPS - 1).astype(int)
    frames += np.array(group_numbers) * STRETCH_STEPS
    order = np.argsort(frames, kind="stable")
    ascending = frames[order]
    last = np.append(ascending[1:] != ascending[:-1], True)
    return ascending[last], order[last]


def _match_per_tolerance(
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
            taken[_assign_guesses(rank, order, windows), column] = True
    return taken


def _assign_guesses(rank: np.ndarray, order: np.ndarray, windows: np.ndarray) -> np.ndarray:
    """The guess that each window takes in turn, of those that no window before it took.

    Only in a run of overlapping windows where two want the same one are they gone through.
    """
    best_guesses = order[np.minimum.reduceat(rank, windows.ravel())[::2]]
    runs = np.append(0, np.cumsum(windows[1:, 0] >= windows[:-1, 1]))
    unlike = np.sort(best_guesses)
    twice = unlike[1:][unlike[1:] == unlike[:-1]]
    contested = np.isin(runs, runs[np.isin(best_guesses, twice)])
    resolved = _assign_in_order(rank, best_guesses[contested].tolist(), windows[contested].tolist())
    return np.append(best_guesses[~contested], np.array(resolved, int))


def _assign_in_order(
    rank: np.ndarray, best_guesses: list[int], windows: list[list[int]]
) -> list[int]:
    taken: set[int] = set()
    for best, (first, last) in zip(best_guesses, windows, strict=True):
        if best not in taken:
            taken.add(best)
        elif free := [i for i in range(first, last) if i not in taken]:
            taken.add(min(free, key=rank.__getitem__))
    return list(taken)


def _nearest_is_shown(frames: np.ndarray, labels: np.ndarray, shown: np.ndarray) -> np.ndarray:
    """Whether the label nearest to each frame is shown; the later one of two as near.

    False where the frame's stretch has no label.
    """
    if not len(labels):
        return np.zeros(len(frames), bool)
    after = np.searchsorted(labels, frames, side="right")
    behind, ahead = np.maximum(after - 1, 0), np.minimum(after, len(labels) - 1)
    frame_stretch = frames // STRETCH_STEPS
    label_before = (after > 0) & (labels[behind] // STRETCH_STEPS == frame_stretch)
    label_after = (after < len(labels)) & (labels[ahead] // STRETCH_STEPS == frame_stretch)
    later = label_after & (~label_before | ((labels[behind] + labels[ahead]) // 2 <= frames))
    return np.where(later, shown[ahead], shown[behind] & label_before)


def count_by_confidence(
    matches: GridMatches,
    truths: np.ndarray,
    guesses: np.ndarray,
    confidences: np.ndarray,
    rows: int,
    names: int,
) -> np.ndarray:
    """Counts per row, class and confidence level: (rows, names, tolerances + 2, levels).

    `truths` and `guesses` are table cells from `index_table_cells`. The third axis holds the hits
    at each tolerance, then all predictions, then the labels. A level is a set of thresholds that
    let the same predictions pass; if all confidences are equal there is one.
    """
    passed = np.searchsorted(THRESHOLDS, confidences[matches.guesses], side="right")
    levels, level = np.unique(passed, return_inverse=True)
    shape = (rows, names, max(len(levels), 1))
    tried = guesses[matches.guesses] * shape[2] + level
    columns = [np.bincount(tried, hit, np.prod(shape)) for hit in [*matches.hits.T, None]]
    over = np.stack(columns).astype(float).reshape(-1, *shape)[..., ::-1].cumsum(-1)[..., ::-1]
    labels = np.bincount(truths[matches.truths], minlength=rows * names).reshape(1, *shape[:2], 1)
    counts = np.concatenate([over, labels.repeat(shape[2], -1)])
    return np.moveaxis(counts, 0, 2)


def index_table_cells(
    spots: Sequence[LabelledAction] | Sequence[PredictedAction],
    row_numbers: Sequence[int] | np.ndarray,
    names: Sequence[str],
) -> np.ndarray:
    """Flat indices into a table (rows, names) for each action; `row_numbers` gives each action's
    row.
    """
    place = {name: i for i, name in enumerate(names)}
    classes = np.array([place[spot.name] for spot in spots], int)
    return np.asarray(row_numbers, int) * len(names) + classes


def compute_average_precision(counts: np.ndarray) -> np.ndarray:
    """Average precision from counts (..., names, tolerances + 2, levels) -> (..., names,
    tolerances).
    """
    hits, guesses, labels = counts[..., :-2, :], counts[..., -2:-1, :], counts[..., -1:, :]
    exact = np.divide(hits, guesses, out=np.zeros_like(hits), where=guesses > 0)
    recall = np.divide(hits, labels, out=np.zeros_like(hits), where=labels > 0)
    best = np.maximum.accumulate(exact, -1)  # of a level and all below, whose recall is higher
    reached = np.searchsorted(RECALLS, recall, side="right")
    only_here = reached - np.append(reached[..., 1:], np.zeros_like(reached[..., :1]), -1)
    return (best * only_here).sum(-1) / len(RECALLS)


def compute_curve_mean(curve: np.ndarray) -> np.ndarray:
    """Mean height of a curve (..., tolerances) by the trapezoid rule; of a single point, its
    height.
    """
    if curve.shape[-1] == 1:
        return curve[..., 0]
    return ((curve[..., 1:] + curve[..., :-1]) / 2).mean(-1)
