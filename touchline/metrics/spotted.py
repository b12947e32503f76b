"""Average-mAP of answers to spotting questions, whose clips are put back into their video.

The moment of an interval is its middle, for truths and guesses alike, on the clock of the video;
test clips do not overlap, so no second is asked about twice. What differs from a SoccerNet result:

- answers carry no confidence, so all guesses rank equal (EQUAL). Precision and recall then are one
  point, and AP is precision * (1 + floor(10 * recall)) / 11: it cannot gain from being sure of
  the right guesses, and is lower than a ranked list of the same guesses would reach;
- a model is asked for some actions of a clip, not for all: guesses are scored where it was asked;
- the classes are the actions that occur among the questions, each in its sport. In a draw of the
  bootstrap those that do not occur are left out, while SoccerNet counts them as 0;
- records do not say whether an action was shown, so there is but the mean over all.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from touchline.metrics.average_map import (
    LOOSE_TOLERANCES,
    TIGHT_TOLERANCES,
    LabelledAction,
    PredictedAction,
    compute_average_precision,
    compute_curve_mean,
    count_by_confidence,
    index_table_cells,
    match_actions,
)
from touchline.metrics.bootstrap import MetricRows
from touchline.metrics.temporal_iou import Interval

EQUAL_CONFIDENCE = 1.0  # the confidence of every guess
MAP_TOLERANCES = {"map_loose": LOOSE_TOLERANCES, "map_tight": TIGHT_TOLERANCES}


class SpottingAnswer(NamedTuple):
    """A spotting question and its answer, in seconds of the video; `name` is the class
    asked for.
    """

    video: str
    name: str  # what was asked for
    labels: Sequence[Interval]
    guesses: Sequence[Interval]


def build_map_metrics(
    rows: Sequence[SpottingAnswer], matches: Sequence[str]
) -> dict[str, MetricRows]:
    """Both Average-mAP metrics for the bootstrap; `matches` holds the match of each row. Empty if
    there are no labels.
    """
    names = sorted({row.name for row in rows if row.labels})
    if not names:
        return {}
    return {
        metric: MetricRows(_counts(rows, names, tolerances), matches, _mean_over_classes)
        for metric, tolerances in MAP_TOLERANCES.items()
    }


def _counts(
    rows: Sequence[SpottingAnswer], names: Sequence[str], tolerances: Sequence[int]
) -> np.ndarray:
    """What each question adds: (rows, names, tolerances + 2, 1), see
    `average_map.count_by_confidence`.
    """
    scored_rows = [(place, row) for place, row in enumerate(rows) if row.name in names]
    labels = [
        (i, LabelledAction(row.video, row.name, compute_midpoint(x), True))
        for i, row in scored_rows
        for x in row.labels
    ]
    tried = [
        (i, PredictedAction(row.video, row.name, compute_midpoint(x), EQUAL_CONFIDENCE))
        for i, row in scored_rows
        for x in row.guesses
    ]
    truths, guesses = [truth for _, truth in labels], [guess for _, guess in tried]
    matches = match_actions(truths, guesses, tolerances)
    of_truths, of_guesses = ([i for i, _ in spots] for spots in (labels, tried))
    where = (
        index_table_cells(truths, of_truths, names),
        index_table_cells(guesses, of_guesses, names),
    )
    return count_by_confidence(
        matches, *where, np.full(len(guesses), EQUAL_CONFIDENCE), len(rows), len(names)
    )


def compute_midpoint(interval: Interval) -> float:
    """The midpoint of an interval, taken as the moment of its action."""
    return (interval[0] + interval[1]) / 2


def _mean_over_classes(sums: np.ndarray) -> np.ndarray:
    """Average-mAP of sums (..., names, tolerances + 2, levels) over the names that occur."""
    occurs = sums[..., -1, 0] > 0
    per_name = np.where(occurs, compute_curve_mean(compute_average_precision(sums)), 0.0).sum(-1)
    count = occurs.sum(-1)
    return np.divide(per_name, count, out=np.full(per_name.shape, np.nan), where=count > 0)
