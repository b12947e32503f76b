"""Reward part `thrift`: 1 without a tool call, else 0.

With a small weight beside the accuracy it puts a price on frames: calls survive only where they
improve answers by more than that.
"""

from touchline.train.rl.rewards.attempt import AttemptFacts
from touchline.train.rl.rewards.rule import RewardParams


def reward_thrift(attempt: AttemptFacts, params: RewardParams) -> float:
    """1.0 if the attempt made no tool call, else 0.0."""
    return float(not attempt.called_tool)
