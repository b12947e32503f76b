"""Nights in numbers: a champion, a new challenger every night, and the gate's own test."""

import numpy as np

from flows.nightly.promotion_case import PromotionCase, PromotionSettings
from flows.nightly.promotion_rules import better
from touchline.metrics.bootstrap import MetricEstimate, MetricRows, build_ratio_metric
from touchline.metrics.randomisation import compute_p_value, compute_smallest_p_value

NIGHTS = 200
MATCHES, EACH = 14, 10  # the default benchmark: matches, and about so many questions in each


class History:
    """One benchmark whose matches differ in difficulty; answers are drawn per model."""

    def __init__(self, seed: int, matches: int = MATCHES) -> None:
        self.draw = np.random.default_rng(seed)
        self.matches = matches
        self.hard = self.draw.normal(0, 0.15, (matches, 1))
        self.names = [f"m{n // EACH}" for n in range(matches * EACH)]

    def model(self, share: float) -> MetricRows:
        """A model's answers; models have their own strong and weak matches, too."""
        own = self.draw.normal(0, 0.05, (self.matches, 1))
        chance = np.clip(share + self.hard + own, 0, 1)
        right = (self.draw.random((self.matches, EACH)) < chance).astype(float)
        return build_ratio_metric(np.stack([right.ravel(), np.ones(right.size)], 1), self.names)


def promoted(gate: PromotionSettings, ours: MetricRows, theirs: MetricRows, looks: int) -> bool:
    """What the rule `better` says of one challenger."""
    matches = len(set(ours.matches))
    return better.check_better_than_champion(
        PromotionCase(
            name="new",
            champion="old",
            matches={"": matches},
            floors={},
            overall=MetricEstimate(_value(ours) - _value(theirs), 0.0, 0.0, len(ours.rows)),
            p=compute_p_value(ours, theirs, seed=1),
            least=compute_smallest_p_value(matches),
            looks=looks,
        ),
        gate,
    ).holds


def _value(side: MetricRows) -> float:
    return float(side.value(side.rows.sum(0)))


def first_promotion(
    gate: PromotionSettings, seed: int, share: float, gain: float, nights: int
) -> int | None:
    """The night in which a challenger is promoted for the first time, if one is."""
    history = History(seed)
    champion = history.model(share)
    for night in range(nights):
        if promoted(gate, history.model(share + gain), champion, looks=night):
            return night
    return None
