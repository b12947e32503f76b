"""Every right option weighs the same, as in scikit-learn."""

from random import Random

import pytest
from sklearn.metrics import balanced_accuracy_score

from touchline.metrics.balanced_accuracy import compute_balance_weights, parse_true_option


def test_it_equals_the_mean_over_options_of_how_often_each_was_found():
    draw = Random(7)
    truths = [f"{draw.choice('ABCD')}. {draw.choice(['Foul', 'Foul', 'Goal'])}" for _ in range(99)]
    said = [draw.choice(truths) for _ in truths]
    right = [
        parse_true_option(one) == parse_true_option(other)
        for one, other in zip(said, truths, strict=True)
    ]
    weight = compute_balance_weights(truths)
    ours = sum(w for w, hit in zip(weight, right, strict=True) if hit) / sum(weight)
    assert ours == pytest.approx(
        balanced_accuracy_score([*map(parse_true_option, truths)], [*map(parse_true_option, said)])
    )


def test_options_of_their_own_give_the_plain_accuracy():
    assert compute_balance_weights(["A. The left player.", "B. The right player."]) == [1, 1]
