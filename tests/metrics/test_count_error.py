"""A count is off by so many, and silence is not a near miss."""

from touchline.metrics.count_error import compute_count_error, score_within_one


def test_the_error_is_in_counts():
    assert [compute_count_error(said, 7) for said in (7, 8, 4, None)] == [0, 1, 3, 7]


def test_within_one_needs_a_number():
    assert [score_within_one(said, 1) for said in (0, 1, 2, 3, None)] == [1, 1, 1, 0, 0]
