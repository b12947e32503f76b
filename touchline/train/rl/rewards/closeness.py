"""Reward part `closeness`: the answer's score on a finer scale than right or wrong; for intervals
their IoU.
"""

from touchline.train.rl.rewards.attempt import AttemptFacts
from touchline.train.rl.rewards.rule import RewardParams


def reward_closeness(attempt: AttemptFacts, params: RewardParams) -> float:
    """The answer's score on the task's finer scale, in [0, 1]."""
    return attempt.closeness
