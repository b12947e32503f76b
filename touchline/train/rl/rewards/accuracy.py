"""Reward part `accuracy`: the task's score of the answer, as in evaluation."""

from touchline.train.rl.rewards.attempt import AttemptFacts
from touchline.train.rl.rewards.rule import RewardParams


def reward_accuracy(attempt: AttemptFacts, params: RewardParams) -> float:
    """The task's score of the answer, in [0, 1]."""
    return attempt.accuracy
