"""The spotting paper's rule, quirk by quirk."""

import pytest

from touchline.metrics.temporal_iou import (
    IntervalCounts,
    compute_temporal_iou,
    count_many_to_many,
    count_one_to_one,
)

THETA = 0.3


def around(centre: float, seconds: float = 12) -> tuple[float, float]:
    return centre - seconds / 2, centre + seconds / 2


def test_true_positives_are_pairs_not_guesses():
    guesses = [around(29), around(30), around(31)]
    assert count_many_to_many(guesses, [around(30)], THETA) == IntervalCounts(3, 0, 0)


def test_one_guess_on_two_labels_counts_twice():
    assert count_many_to_many([around(30)], [around(28), around(32)], THETA) == IntervalCounts(
        2, 0, 0
    )


def test_a_pair_at_exactly_theta_is_neither_hit_nor_false_nor_missed():
    assert compute_temporal_iou((0, 3), (0, 10)) == THETA
    assert count_many_to_many([(0, 3)], [(0, 10)], THETA) == IntervalCounts(0, 0, 0)


def test_without_labels_every_guess_is_false():
    assert count_many_to_many([around(10), around(40)], [], THETA) == IntervalCounts(0, 2, 0)


def test_without_guesses_every_label_is_missed():
    assert count_many_to_many([], [around(10), around(40)], THETA) == IntervalCounts(0, 0, 2)


def test_nothing_against_nothing_counts_nothing():
    assert count_many_to_many([], [], THETA) == IntervalCounts(0, 0, 0)


def test_the_hull_divides_where_the_union_would_not():
    assert compute_temporal_iou((0, 10), (5, 15)) == pytest.approx(5 / 15)
    assert compute_temporal_iou((0, 1), (9, 10)) == 0


@pytest.mark.parametrize("other", [(5, 5), (0, 10), (7, 3)])
def test_intervals_without_length_or_reversed_never_match(other: tuple[float, float]):
    assert compute_temporal_iou((5, 5), other) == 0
    assert compute_temporal_iou((7, 3), other) == 0
    assert count_many_to_many([(5, 5)], [other], THETA) == IntervalCounts(0, 1, 1)


def test_two_twelve_second_intervals_match_while_centres_are_within_6_46_seconds():
    assert count_many_to_many([around(30)], [around(36.46)], THETA).tp == 1
    assert count_many_to_many([around(30)], [around(36.47)], THETA).tp == 0


def test_the_whole_minute_scores_a_fifth_and_is_a_false_positive():
    assert compute_temporal_iou((0, 60), around(30)) == pytest.approx(0.2)
    assert count_many_to_many([(0, 60)], [around(30)], THETA) == IntervalCounts(0, 1, 1)


def test_a_guess_around_the_label_matches_only_below_forty_seconds():
    assert count_many_to_many([around(30, 39.9)], [around(30)], THETA).tp == 1
    assert count_many_to_many([around(30, 40.1)], [around(30)], THETA).tp == 0


def test_one_to_one_uses_each_guess_and_each_label_once():
    assert count_one_to_one([around(29), around(30)], [around(30)], THETA) == IntervalCounts(
        1, 1, 0
    )
    assert count_one_to_one([around(30)], [around(28), around(32)], THETA) == IntervalCounts(
        1, 0, 1
    )


def test_one_to_one_takes_the_best_overlap_first():
    guesses, labels = [around(33), around(30)], [around(30), around(36)]
    assert count_one_to_one(guesses, labels, THETA) == IntervalCounts(2, 0, 0)


def test_the_order_of_guesses_does_not_matter():
    guesses, labels = [around(10), around(31), around(50)], [around(30), around(12)]
    for count in (count_many_to_many, count_one_to_one):
        assert count(guesses, labels, THETA) == count(guesses[::-1], labels[::-1], THETA)
