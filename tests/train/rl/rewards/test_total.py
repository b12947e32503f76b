"""One gate for all rewards, and parts in one catalogue."""

import pytest

from tests.train.rl.rewards.conftest import GIVEN, V1, attempt, weighted
from touchline.train.rl.rewards import REWARD_PARTS, REWARD_RULES
from touchline.train.rl.rewards.rule import RewardParams, RewardWeights
from touchline.train.rl.rewards.total import compute_reward


def test_every_part_has_a_weight_and_every_weight_a_part():
    assert set(RewardWeights.model_fields) == set(REWARD_PARTS)


def test_a_part_without_weight_is_not_computed():
    assert set(compute_reward(attempt(), weighted(evidence=2.0)).parts) == {"evidence"}


@pytest.mark.parametrize("part", REWARD_PARTS)
def test_a_broken_rule_costs_the_penalty_whatever_the_parts_say(part: str):
    rule = weighted(**{part: 9.0})
    for broken in ({"format_kept": False}, {"repeated_window": True}):
        one = attempt(1.0, (0, 9), evidence=((0, 9),), **broken)
        assert compute_reward(one, rule).reward == -rule.penalty


def test_nearly_the_same_window_repeats_it_if_so_wished():
    near = attempt(1.0, (10, 20), (30, 40), (10, 21))
    assert REWARD_RULES["fresh"](near, V1)
    strict = RewardParams(**GIVEN | {"repeat": 0.9})
    assert not REWARD_RULES["fresh"](near, strict)
    assert compute_reward(near, strict).reward == -strict.penalty
    assert REWARD_RULES["fresh"](attempt(1.0, (10, 20), (30, 40)), strict)
