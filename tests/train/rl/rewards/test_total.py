"""One gate for all rewards, and parts in one catalogue."""

import pytest

from tests.train.rl.rewards.conftest import GIVEN, V1, attempt, weighted
from touchline.train.rl.rewards import PARTS, RULES
from touchline.train.rl.rewards.rule import Rule, Weights
from touchline.train.rl.rewards.total import total


def test_every_part_has_a_weight_and_every_weight_a_part():
    assert set(Weights.model_fields) == set(PARTS)


def test_a_part_without_weight_is_not_computed():
    assert set(total(attempt(), weighted(evidence=2.0)).parts) == {"evidence"}


@pytest.mark.parametrize("part", PARTS)
def test_a_broken_rule_costs_the_penalty_whatever_the_parts_say(part: str):
    rule = weighted(**{part: 9.0})
    for broken in ({"kept": False}, {"again": True}):
        one = attempt(1.0, (0, 9), evidence=((0, 9),), **broken)
        assert total(one, rule).reward == -rule.penalty


def test_nearly_the_same_window_repeats_it_if_so_wished():
    near = attempt(1.0, (10, 20), (30, 40), (10, 21))
    assert RULES["fresh"](near, V1)
    strict = Rule(**GIVEN | {"repeat": 0.9})
    assert not RULES["fresh"](near, strict)
    assert total(near, strict).reward == -strict.penalty
    assert RULES["fresh"](attempt(1.0, (10, 20), (30, 40)), strict)
