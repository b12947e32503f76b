"""Rule `fresh`: requesting a window that was already shown breaks the format.

DeepSport's 'cognitive consistency' (arXiv 2511.12908). The tool itself refuses a window equal to an
earlier one; this rule also catches near repeats.
"""

from itertools import combinations

from touchline.metrics.temporal_iou import compute_temporal_iou
from touchline.train.rl.rewards.attempt import AttemptFacts
from touchline.train.rl.rewards.rule import RewardParams


def check_fresh_windows(attempt: AttemptFacts, params: RewardParams) -> bool:
    """Whether no two windows have an IoU of `params.repeat` or more and the tool refused none as a
    repeat.
    """
    pairs = combinations(attempt.windows, 2)
    return not attempt.repeated_window and all(
        compute_temporal_iou(*pair) < params.repeat for pair in pairs
    )
