"""The paired randomisation test is exact about equal candidates, and sees better ones."""

import numpy as np
import pytest

from touchline.metrics.bootstrap import MetricRows, build_ratio_metric
from touchline.metrics.randomisation import EXACT_MATCHES, compute_p_value, compute_smallest_p_value


def side(right: np.ndarray) -> MetricRows:
    """(matches, questions) of right answers."""
    matches, each = right.shape
    rows = np.stack([right.ravel(), np.ones(right.size)], 1)
    return build_ratio_metric(rows, [f"m{i // each}" for i in range(matches * each)])


def drawn(matches: int, share: float, seed: int, each: int = 10) -> MetricRows:
    rng = np.random.default_rng(seed)
    hard = np.random.default_rng(99).normal(0, 0.15, (matches, 1))
    return side((rng.random((matches, each)) < share + hard).astype(float))


def test_better_in_every_match_has_the_smallest_p_that_the_matches_can_give():
    better, worse = side(np.ones((8, 4))), side(np.zeros((8, 4)))
    assert compute_p_value(better, worse, seed=1) == compute_smallest_p_value(8) == 2**-8
    assert compute_p_value(worse, better, seed=1) == 1


def test_the_same_answers_prove_nothing():
    one = drawn(12, 0.6, seed=1)
    assert compute_p_value(one, one, seed=1) == 1


def test_equal_candidates_reach_five_percent_no_oftener_than_that():
    found = [
        compute_p_value(drawn(9, 0.5, 2 * n), drawn(9, 0.5, 2 * n + 1), seed=1) for n in range(400)
    ]
    assert np.mean(np.array(found) <= 0.05) <= 0.08  # 0.05 and three standard errors
    assert np.mean(np.array(found) <= 0.5) == pytest.approx(0.5, abs=0.08)


def test_many_matches_are_drawn_instead_of_counted_and_give_about_the_same():
    many = EXACT_MATCHES + 6
    better, base = drawn(many, 0.7, seed=3, each=20), drawn(many, 0.5, seed=4, each=20)
    assert compute_smallest_p_value(many) <= compute_p_value(better, base, seed=1) < 0.001
    close = drawn(many, 0.52, seed=5, each=20)
    assert compute_p_value(close, base, 1) == pytest.approx(
        compute_p_value(close, base, 2), abs=0.02
    )


def test_ratios_of_sums_are_swapped_whole():
    """F1 of matches of unlike size: what counts is the sum over matches, not a mean of means."""
    ours = build_ratio_metric(np.array([[2.0, 2.0], [20.0, 40.0]]), ["a", "b"])
    theirs = build_ratio_metric(np.array([[0.0, 2.0], [20.0, 40.0]]), ["a", "b"])
    assert compute_p_value(ours, theirs, seed=1) == 0.5  # one match differs: a coin decides
