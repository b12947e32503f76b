"""Precision, recall and F1 of time intervals by the spotting paper's many-to-many rule.

Source: Zimmerman et al., "A Small Video-Language Model for Sparse Action Spotting", Evaluation.
The rule has quirks which are kept, since a number is only comparable with them:

- TP counts *pairs*: two guesses on one label are two TP, one guess on two labels as well, so that
  TP + FP need not be the number of guesses nor TP + FN the number of labels;
- a pair matches above theta, a guess is an FP (a label an FN) when all its pairs lie strictly
  below theta: a pair at exactly theta is neither;
- "all" of nothing is true: without labels every guess is an FP, without guesses every label an FN;
- IoU divides by the hull of both intervals, which is their union only when they overlap.

`matched` counts one to one beside it: there no guess and no label is used twice.
"""

from collections.abc import Sequence
from typing import NamedTuple

Interval = tuple[float, float]


class Counts(NamedTuple):
    """What a pooled (micro) score is made of: sum these over questions, then divide."""

    tp: int
    fp: int
    fn: int


def iou(one: Interval, other: Interval) -> float:
    """Overlap over hull, in [0, 1]; 0 for a pair whose hull has no length."""
    hull = max(one[1], other[1]) - min(one[0], other[0])
    overlap = min(one[1], other[1]) - max(one[0], other[0])
    return max(0.0, overlap) / hull if hull > 0 else 0.0


def many_to_many(guesses: Sequence[Interval], labels: Sequence[Interval], theta: float) -> Counts:
    """Count as the paper does; intervals in seconds."""
    pairs = [[iou(guess, label) for label in labels] for guess in guesses]
    tp = sum(pair > theta for row in pairs for pair in row)
    fp = sum(all(pair < theta for pair in row) for row in pairs)
    fn = sum(all(row[j] < theta for row in pairs) for j in range(len(labels)))
    return Counts(tp, fp, fn)


def overlap(guesses: Sequence[Interval], labels: Sequence[Interval]) -> float:
    """Sum of the IoU of pairs in which each guess and label is used once, the best taken first."""
    left, free, total = list(guesses), list(labels), 0.0
    while left and free:
        best, guess, label = max((iou(g, k), g, k) for g in left for k in free)
        left.remove(guess)
        free.remove(label)
        total += best
    return total


def matched(guesses: Sequence[Interval], labels: Sequence[Interval], theta: float) -> Counts:
    """Count with each guess and each label used once, the best overlaps taken first."""
    pairs = [(iou(g, k), i, j) for i, g in enumerate(guesses) for j, k in enumerate(labels)]
    guessed: set[int] = set()
    found: set[int] = set()
    for overlap, i, j in sorted(pairs, key=lambda pair: (-pair[0], pair[1], pair[2])):
        if overlap > theta and i not in guessed and j not in found:
            guessed.add(i)
            found.add(j)
    return Counts(len(found), len(guesses) - len(guessed), len(labels) - len(found))
