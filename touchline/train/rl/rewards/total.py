"""From the facts of an attempt to its reward: weighted parts behind one gate.

R = g (sum of weight x part) - penalty (1 - g), where g says that every rule was kept. With the
weights of `accuracy` and `gated` at 1 and the others at 0 this is DeepSport's first reward.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from touchline.train.rl.rewards import PARTS, RULES
from touchline.train.rl.rewards.attempt import Judged
from touchline.train.rl.rewards.rule import Rule


@dataclass(frozen=True)
class Total:
    """`parts` before weight and gate, of those parts that count at all."""

    parts: Mapping[str, float]
    rules: Mapping[str, bool]
    reward: float


def total(attempt: Judged, rule: Rule) -> Total:
    weights = {name: weight for name, weight in rule.weights.model_dump().items() if weight}
    parts = {name: PARTS[name](attempt, rule) for name in weights}
    rules = {name: keep(attempt, rule) for name, keep in RULES.items()}
    earned = sum(weights[name] * part for name, part in parts.items())
    return Total(parts, rules, earned if all(rules.values()) else -rule.penalty)
