"""Compute the reward of an attempt: a weighted sum of parts behind one gate.

R = g (sum of weight x part) - penalty (1 - g), where g is 1 if every rule was kept, else 0. With
weights of 1 for `accuracy` and `gated` and 0 for the others this is DeepSport's first reward.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from touchline.train.rl.rewards import REWARD_PARTS, REWARD_RULES
from touchline.train.rl.rewards.attempt import AttemptFacts
from touchline.train.rl.rewards.rule import RewardParams


@dataclass(frozen=True)
class RewardBreakdown:
    """A reward and what it was made of: `parts` with non-zero weight (before weight and gate) and
    whether each rule was kept.
    """

    parts: Mapping[str, float]
    rules: Mapping[str, bool]
    reward: float


def compute_reward(attempt: AttemptFacts, params: RewardParams) -> RewardBreakdown:
    """The reward of an attempt with its breakdown."""
    weights = {name: weight for name, weight in params.weights.model_dump().items() if weight}
    parts = {name: REWARD_PARTS[name](attempt, params) for name in weights}
    rules = {name: keep(attempt, params) for name, keep in REWARD_RULES.items()}
    earned = sum(weights[name] * part for name, part in parts.items())
    return RewardBreakdown(parts, rules, earned if all(rules.values()) else -params.penalty)
