"""DeepSport's first reward, case by case (arXiv 2511.12908v1, equations 4-8)."""

import pytest

from tests.train.rl.rewards.conftest import V1, attempt
from touchline.train.rl.rewards.total import compute_reward

LOOKED = [(0.0, 9.0)]


@pytest.mark.parametrize(
    ("kept", "accuracy", "called", "reward"),
    [
        (True, 1.0, True, 1.5),
        (True, 0.6, True, 0.9),
        (True, 0.5, True, 0.75),
        (True, 0.49, True, 0.52),
        (True, 0.0, True, 0.03),
        (True, 1.0, False, 1.0),
        (True, 0.3, False, 0.3),
        (True, 0.0, False, 0.0),
        (False, 1.0, True, -0.05),
        (False, 0.0, False, -0.05),
    ],
)
def test_the_default_reward_is_the_papers(kept: bool, accuracy: float, called: bool, reward: float):
    one = attempt(accuracy, *(LOOKED if called else []), format_kept=kept)
    assert compute_reward(one, V1).reward == pytest.approx(reward)


def test_a_better_answer_never_earns_less():
    for windows in (LOOKED, []):
        rewards = [compute_reward(attempt(step / 100, *windows), V1).reward for step in range(101)]
        assert rewards == sorted(rewards)
