"""Intervals come from drawing matches, are repeatable and honest in size."""

import time

import numpy as np
import pytest

from touchline.metrics.bootstrap import (
    MetricEstimate,
    MetricRows,
    build_ratio_metric,
    estimate_difference,
    estimate_metric,
)


def rows(matches: int, each: int, share: float, seed: int = 1) -> MetricRows:
    """Right or wrong answers whose rate differs from match to match."""
    draw = np.random.default_rng(seed)
    rates = np.clip(draw.normal(share, 0.1, matches), 0, 1).repeat(each)
    right = (draw.random(matches * each) < rates).astype(float)
    names = [f"m{i // each}" for i in range(len(right))]
    return build_ratio_metric(np.stack([right, np.ones_like(right)], 1), names)


def test_the_interval_contains_the_value_and_repeats():
    data = rows(12, 20, 0.6)
    first = estimate_metric(data, seed=7)
    assert first.low < first.value < first.high
    assert first == estimate_metric(data, seed=7) != estimate_metric(data, seed=8)


def test_fewer_matches_make_a_wider_interval():
    few, many = (
        estimate_metric(rows(6, 20, 0.6), seed=7),
        estimate_metric(rows(120, 20, 0.6), seed=7),
    )
    assert few.high - few.low > 2 * (many.high - many.low)


def test_rows_of_one_match_are_not_independent():
    """Hundred copies of a row in its match tell no more than the row itself."""
    right = np.array([[1.0, 1.0], [0.0, 1.0], [1.0, 1.0], [1.0, 1.0]])
    names = ["a", "b", "c", "d"]
    once = estimate_metric(build_ratio_metric(right, names), seed=7)
    copied = estimate_metric(
        build_ratio_metric(right.repeat(100, 0), np.repeat(names, 100).tolist()), seed=7
    )
    assert once[:3] == copied[:3]
    assert (once.n, copied.n) == (4, 400)


def test_the_interval_holds_the_truth_about_as_often_as_it_says():
    held = 0
    for seed in range(200):
        found = estimate_metric(rows(40, 10, 0.5, seed), seed=7)
        held += found.low <= 0.5 <= found.high
    assert 0.88 <= held / 200 <= 0.99


def test_nothing_over_nothing_is_zero():
    assert estimate_metric(
        build_ratio_metric(np.array([[0.0, 0.0]]), ["a"]), seed=7
    ) == MetricEstimate(0, 0, 0, 1)


def test_a_paired_difference_forgets_what_both_have_in_common():
    """Matches differ much in difficulty, the candidates by the same step in each."""
    base = np.array([[20.0 + 6 * i, 100.0] for i in range(10)])
    names = [f"m{i}" for i in range(10)]
    one, other = build_ratio_metric(np.add(base, [5, 0]), names), build_ratio_metric(base, names)
    gained = estimate_difference(one, other, seed=7)
    assert gained.value == pytest.approx(0.05)
    assert gained.high - gained.low < 1e-9
    assert estimate_metric(other, seed=7).high - estimate_metric(other, seed=7).low > 0.1


def test_a_candidate_that_never_guesses_loses_by_the_other_ones_value():
    names = ["a", "b", "c"]
    silent, speaking = (
        build_ratio_metric(np.zeros((3, 2)), names),
        build_ratio_metric(np.array([[1.0, 2.0]] * 3), names),
    )
    assert estimate_difference(silent, speaking, seed=7).value == -0.5


def test_thousands_of_rows_cost_a_fraction_of_a_second():
    data = rows(500, 14, 0.6)
    began = time.process_time()
    estimate_metric(data, seed=7)
    assert time.process_time() - began < 1
