"""DeepSport's first reward, case by case (arXiv 2511.12908v1, equations 4-8)."""

import pytest

from touchline.rewards.gated import Gated, gated

RULE = Gated(gate=0.5, bonus=0.5, consolation=0.03, penalty=0.05)


@pytest.mark.parametrize(
    ("valid", "accuracy", "called", "reward"),
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
def test_the_reward_is_the_papers(valid: bool, accuracy: float, called: bool, reward: float):
    assert gated(valid, accuracy, called, RULE) == pytest.approx(reward)


def test_a_better_answer_never_earns_less():
    for called in (True, False):
        rewards = [gated(True, step / 100, called, RULE) for step in range(101)]
        assert rewards == sorted(rewards)
