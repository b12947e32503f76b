"""Reward part `evidence`: temporal IoU of the windows the model requested with where the truth can
be seen.

After LongVT's reward (arXiv 2511.20785), which takes the last window. Here all windows and all
evidence count together, so three events can be covered by one wide window or by three. A window
over the whole clip earns little, since IoU divides by its length.
"""

from collections.abc import Sequence
from itertools import pairwise

from touchline.metrics.temporal_iou import Interval
from touchline.train.rl.rewards.attempt import AttemptFacts
from touchline.train.rl.rewards.rule import RewardParams


def reward_evidence_overlap(attempt: AttemptFacts, params: RewardParams) -> float:
    """IoU of the requested windows with the evidence, in [0, 1]."""
    return compute_interval_set_iou(attempt.windows, attempt.evidence)


def compute_interval_set_iou(
    intervals: Sequence[Interval], other_intervals: Sequence[Interval]
) -> float:
    """Seconds in both sets of intervals over seconds in either, in [0, 1]; 0 if one is empty."""
    edges = sorted({time for pair in (*intervals, *other_intervals) for time in pair})
    both = either = 0.0
    for start, end in pairwise(edges):
        inside = [
            any(a <= start < b for a, b in members) for members in (intervals, other_intervals)
        ]
        both += (end - start) * all(inside)
        either += (end - start) * any(inside)
    return both / either if either > 0 else 0.0


def find_evidence_hits(attempt: AttemptFacts) -> list[bool]:
    """For each requested window, whether it overlaps any of the evidence."""
    return [any(min(b, d) > max(a, c) for c, d in attempt.evidence) for a, b in attempt.windows]
