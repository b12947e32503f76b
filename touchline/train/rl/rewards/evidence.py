"""Whether the model looked where the truth can be seen: temporal IoU of its windows with it.

After LongVT's reward (arXiv 2511.20785), which takes the last window; here all windows count
together, and so does all evidence, so that a question with three events can be looked at in one
wide window or in three. A window over the whole clip earns little: the IoU divides by its length.
"""

from collections.abc import Sequence
from itertools import pairwise

from touchline.metrics.temporal_iou import Interval
from touchline.train.rl.rewards.attempt import Judged
from touchline.train.rl.rewards.rule import Rule


def evidence(attempt: Judged, rule: Rule) -> float:
    return overlap(attempt.windows, attempt.evidence)


def overlap(ones: Sequence[Interval], others: Sequence[Interval]) -> float:
    """Seconds in both sets of intervals over seconds in either, in [0, 1]; 0 if one is empty."""
    edges = sorted({time for pair in (*ones, *others) for time in pair})
    both = either = 0.0
    for start, end in pairwise(edges):
        inside = [any(a <= start < b for a, b in some) for some in (ones, others)]
        both += (end - start) * all(inside)
        either += (end - start) * any(inside)
    return both / either if either > 0 else 0.0


def hits(attempt: Judged) -> list[bool]:
    """For each window whether any of the evidence lies in it."""
    return [any(min(b, d) > max(a, c) for c, d in attempt.evidence) for a, b in attempt.windows]
