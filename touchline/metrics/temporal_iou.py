"""Precision, recall and F1 of time intervals by the spotting paper's many-to-many rule.

Source: Zimmerman et al., 'A Small Video-Language Model for Sparse Action Spotting', Evaluation. The
rule has quirks which are kept, so that numbers stay comparable with the paper:

- TP counts *pairs*: two guesses on one label are two TP, one guess on two labels as well, so that
  TP + FP need not be the number of guesses nor TP + FN the number of labels;

- a pair matches above theta; a guess is an FP (a label an FN) when all its pairs lie strictly below
  theta: a pair at exactly theta is neither;

- without labels every guess is an FP, without guesses every label an FN;

- IoU divides by the hull of both intervals, which is their union only when they overlap.

`count_one_to_one` is the usual alternative, in which no guess and no label is used twice.
"""

from collections.abc import Sequence
from typing import NamedTuple

Interval = tuple[float, float]


class IntervalCounts(NamedTuple):
    """True positives, false positives and false negatives: sum over questions, then divide."""

    tp: int
    fp: int
    fn: int


def compute_temporal_iou(first: Interval, second: Interval) -> float:
    """Intersection over the hull of two intervals, in [0, 1]; 0 if the hull has no length."""
    hull = max(first[1], second[1]) - min(first[0], second[0])
    overlap = min(first[1], second[1]) - max(first[0], second[0])
    return max(0.0, overlap) / hull if hull > 0 else 0.0


def count_many_to_many(
    guesses: Sequence[Interval], labels: Sequence[Interval], theta: float
) -> IntervalCounts:
    """Count by the paper's many-to-many rule; intervals in seconds."""
    pairs = [[compute_temporal_iou(guess, label) for label in labels] for guess in guesses]
    tp = sum(pair > theta for row in pairs for pair in row)
    fp = sum(all(pair < theta for pair in row) for row in pairs)
    fn = sum(all(row[j] < theta for row in pairs) for j in range(len(labels)))
    return IntervalCounts(tp, fp, fn)


def sum_matched_iou(guesses: Sequence[Interval], labels: Sequence[Interval]) -> float:
    """Sum of IoU over greedily matched pairs, each interval used once, best pairs first."""
    free_guesses, free_labels, total = list(guesses), list(labels), 0.0
    while free_guesses and free_labels:
        best, guess, label = max(
            (compute_temporal_iou(g, k), g, k) for g in free_guesses for k in free_labels
        )
        free_guesses.remove(guess)
        free_labels.remove(label)
        total += best
    return total


def count_one_to_one(
    guesses: Sequence[Interval], labels: Sequence[Interval], theta: float
) -> IntervalCounts:
    """Count with one-to-one matching, best overlaps first; a pair counts above `theta`."""
    pairs = [
        (compute_temporal_iou(g, k), i, j)
        for i, g in enumerate(guesses)
        for j, k in enumerate(labels)
    ]
    matched_guesses: set[int] = set()
    matched_labels: set[int] = set()
    for overlap, i, j in sorted(pairs, key=lambda pair: (-pair[0], pair[1], pair[2])):
        if overlap > theta and i not in matched_guesses and j not in matched_labels:
            matched_guesses.add(i)
            matched_labels.add(j)
    return IntervalCounts(
        len(matched_labels), len(guesses) - len(matched_guesses), len(labels) - len(matched_labels)
    )
