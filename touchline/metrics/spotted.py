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
    LOOSE,
    TIGHT,
    Guess,
    Truth,
    area,
    cells,
    match,
    precision,
    tally,
)
from touchline.metrics.bootstrap import Side
from touchline.metrics.temporal_iou import Interval

EQUAL = 1.0  # the confidence of every guess
METRICS = {"map_loose": LOOSE, "map_tight": TIGHT}


class Spotted(NamedTuple):
    """A spotting question and its answer, in seconds of the video."""

    video: str
    name: str  # what was asked for
    labels: Sequence[Interval]
    guesses: Sequence[Interval]


def sides(rows: Sequence[Spotted], matches: Sequence[str]) -> dict[str, Side]:
    """Both metrics, for the bootstrap over `matches` (of each row); none without a label."""
    names = sorted({row.name for row in rows if row.labels})
    if not names:
        return {}
    return {
        metric: Side(_counts(rows, names, tolerances), matches, _average)
        for metric, tolerances in METRICS.items()
    }


def _counts(rows: Sequence[Spotted], names: Sequence[str], tolerances: Sequence[int]) -> np.ndarray:
    """What each question adds: (rows, names, tolerances + 2, 1), see `average_map.tally`."""
    asked = [(place, row) for place, row in enumerate(rows) if row.name in names]
    labels = [
        (i, Truth(row.video, row.name, middle(x), True)) for i, row in asked for x in row.labels
    ]
    tried = [
        (i, Guess(row.video, row.name, middle(x), EQUAL)) for i, row in asked for x in row.guesses
    ]
    truths, guesses = [truth for _, truth in labels], [guess for _, guess in tried]
    found = match(truths, guesses, tolerances)
    of_truths, of_guesses = ([i for i, _ in spots] for spots in (labels, tried))
    where = cells(truths, of_truths, names), cells(guesses, of_guesses, names)
    return tally(found, *where, np.full(len(guesses), EQUAL), len(rows), len(names))


def middle(interval: Interval) -> float:
    """The moment that an interval tells of."""
    return (interval[0] + interval[1]) / 2


def _average(sums: np.ndarray) -> np.ndarray:
    """Average-mAP of sums (..., names, tolerances + 2, levels) over the names that occur."""
    occurs = sums[..., -1, 0] > 0
    per_name = np.where(occurs, area(precision(sums)), 0.0).sum(-1)
    count = occurs.sum(-1)
    return np.divide(per_name, count, out=np.full(per_name.shape, np.nan), where=count > 0)
