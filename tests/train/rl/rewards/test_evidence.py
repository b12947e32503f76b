"""Looking where the truth can be seen: worked by hand, and never outside [0, 1]."""

from random import Random

import pytest

from tests.train.rl.rewards.conftest import attempt, weighted
from touchline.train.rl.rewards.evidence import compute_interval_set_iou, find_evidence_hits
from touchline.train.rl.rewards.total import compute_reward


@pytest.mark.parametrize(
    ("windows", "evidence", "worth"),
    [
        ([(10, 20)], [(10, 20)], 1.0),
        ([(10, 20)], [(15, 25)], 5 / 15),
        ([(0, 60)], [(20, 32)], 12 / 60),  # looking everywhere is no looking
        ([(0, 10), (20, 30)], [(0, 10), (20, 30)], 1.0),
        ([(0, 10), (5, 15)], [(0, 15)], 1.0),  # seconds seen twice count once
        ([(0, 30)], [(0, 10), (20, 30)], 20 / 30),
        ([(0, 10)], [(10, 20)], 0.0),
        ([(0, 1e6)], [(0, 10)], 1e-5),
        ([], [(0, 10)], 0.0),
        ([(0, 10)], [], 0.0),
        ([], [], 0.0),
        ([(5, 5)], [(5, 5)], 0.0),
    ],
)
def test_overlap_by_hand(windows: list, evidence: list, worth: float):
    assert compute_interval_set_iou(windows, evidence) == pytest.approx(worth)


def test_overlap_of_any_intervals_is_a_symmetric_share():
    random = Random(4)
    for _ in range(300):
        ones, others = (
            [tuple(sorted((random.uniform(0, 60), random.uniform(0, 60)))) for _ in range(count)]
            for count in (random.randint(0, 4), random.randint(0, 4))
        )
        assert 0 <= compute_interval_set_iou(ones, others) <= 1 + 1e-9
        assert compute_interval_set_iou(ones, others) == pytest.approx(
            compute_interval_set_iou(others, ones)
        )
        assert compute_interval_set_iou(ones, ones) == pytest.approx(float(bool(ones)))


def test_a_window_hits_where_it_shows_any_evidence():
    one = attempt(1.0, (0, 10), (10, 20), (25, 30), evidence=((5, 8), (29, 40)))
    assert find_evidence_hits(one) == [True, False, True]


def test_evidence_is_paid_for_by_its_weight_and_behind_the_format():
    rule = weighted(accuracy=1.0, evidence=0.4)
    looked = attempt(0.0, (10, 20), evidence=((15, 25),))
    assert compute_reward(looked, rule).reward == pytest.approx(0.4 / 3)
    broken = attempt(0.0, (10, 20), evidence=((15, 25),), format_kept=False)
    assert compute_reward(broken, rule).reward == -rule.penalty
