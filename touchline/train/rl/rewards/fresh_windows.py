"""The repeated-window rule: who asks for what was shown already breaks the format.

DeepSport's "cognitive consistency" (arXiv 2511.12908). The tool itself refuses a window that equals
an earlier one; this rule is for those that nearly do.
"""

from itertools import combinations

from touchline.metrics.temporal_iou import iou
from touchline.train.rl.rewards.attempt import Judged
from touchline.train.rl.rewards.rule import Rule


def fresh_windows(attempt: Judged, rule: Rule) -> bool:
    """Whether no two windows overlap by `repeat` (IoU) or more, and none was refused as seen."""
    pairs = combinations(attempt.windows, 2)
    return not attempt.again and all(iou(*pair) < rule.repeat for pair in pairs)
