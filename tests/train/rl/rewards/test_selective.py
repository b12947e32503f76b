"""DeepSport's second reward: the tool is paid for where it is needed, and only there."""

import pytest

from tests.train.rl.rewards.conftest import V1, attempt, weighted
from touchline.train.rl.rewards.selective import reward_selective_tool_use
from touchline.train.rl.rewards.total import compute_reward


@pytest.mark.parametrize(
    ("direct", "called", "accuracy", "paid"),
    [
        (True, False, 1.0, 0.5),
        (True, True, 1.0, 0.0),
        (True, False, 0.0, 0.0),
        (True, True, 0.0, 0.0),
        (False, True, 1.0, 0.5),
        (False, True, 0.5, 0.5),
        (False, True, 0.49, 0.2),
        (False, False, 1.0, 0.0),
        (False, False, 0.0, 0.0),
    ],
)
def test_a_call_pays_where_the_first_frames_do_not_suffice(
    direct: bool, called: bool, accuracy: float, paid: float
):
    windows = [(0.0, 9.0)] if called else []
    assert reward_selective_tool_use(attempt(accuracy, *windows, direct=direct), V1) == paid


def test_a_right_answer_earns_more_than_any_wrong_one():
    rule = weighted(accuracy=1.0, selective=1.0)
    looks = ([], [(0.0, 9.0)])
    earned = {
        right: [
            compute_reward(attempt(right, *windows, direct=direct), rule).reward
            for windows in looks
            for direct in (True, False)
        ]
        for right in (0.0, 1.0)
    }
    assert min(earned[1.0]) > max(earned[0.0])
