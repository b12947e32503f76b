"""What groups can teach: shares and the filter on the outcome, worked by hand."""

from random import Random

import pytest
import torch

from touchline.train.rl.groups import (
    AttemptGroup,
    compute_group_shares,
    level_equal_outcome_groups,
    split_into_groups,
)

WRONG, RIGHT, MIXED = (0.0, 0.0, 0.0, 0.0), (1.0, 1.0, 1.0, 1.0), (0.0, 1.0, 0.0, 0.0)
SHAPED = (0.03, 0.0, -0.05, 0.0)


def test_shares_by_hand():
    groups = [
        AttemptGroup(WRONG, SHAPED),  # all wrong and still an advantage: phantom
        AttemptGroup(WRONG, WRONG),  # silent
        AttemptGroup(RIGHT, (1.5, 1.0, 1.5, 1.0)),  # alike, but right
        AttemptGroup(MIXED, (0.0, 1.5, 0.03, 0.0)),
    ]
    assert compute_group_shares(groups, 0.5) == {
        "groups/same_outcome": 0.75,
        "groups/no_signal": 0.25,
        "groups/phantom": 0.25,
    }


def test_the_filter_looks_at_the_outcome_and_not_at_the_reward():
    before = [
        AttemptGroup(WRONG, SHAPED),
        AttemptGroup(MIXED, SHAPED),
        AttemptGroup(RIGHT, (1.5, 1.0, 1.5, 1.0)),
    ]
    after = level_equal_outcome_groups(before)
    assert [group.no_signal for group in after] == [True, False, True]
    assert after[1] is before[1]
    assert after[2].rewards == [1.25] * 4
    assert compute_group_shares(after, 0.5)["groups/phantom"] == 0


def test_answers_that_differ_below_the_gate_are_no_phantom():
    assert not AttemptGroup((0.1, 0.4), (0.13, 0.43)).has_phantom_advantage(0.5)


@pytest.mark.parametrize("size", [2, 3, 7, 8])
def test_a_filtered_group_has_no_advantage_at_all_in_float32(size: int):
    random = Random(size)
    for _ in range(200):
        group = AttemptGroup([0.3] * size, [random.uniform(-0.05, 1.5) for _ in range(size)])
        paid = torch.tensor(level_equal_outcome_groups([group])[0].rewards, dtype=torch.float32)
        assert not (paid - torch.nanmean(paid)).any()
        assert paid[0].item() == pytest.approx(sum(group.rewards) / size, abs=1e-3)


def test_groups_are_consecutive_attempts():
    groups = split_into_groups([0, 1, 2, 3], [4, 5, 6, 7], 2)
    assert [(list(g.outcomes), list(g.rewards)) for g in groups] == [
        ([0, 1], [4, 5]),
        ([2, 3], [6, 7]),
    ]
