"""Free words earn by the words they share with the truth, in its order."""

import pytest

from tests.world import HOSTILE
from touchline.tasks.open import NOTHING, score, told

TRUTH = told(["corner", "offside", "shot on target"])


def test_actions_are_told_in_order_with_their_articles():
    assert TRUTH == "A corner, then an offside, then a shot on target."
    assert told([]) == NOTHING


def test_more_of_the_truth_earns_more_and_order_counts():
    some, swapped = told(["corner", "offside"]), told(["shot on target", "corner", "offside"])
    assert 0 < score(told(["corner"]), TRUTH) < score(some, TRUTH) < score(TRUTH, TRUTH) == 1
    assert 0 < score(swapped, TRUTH) < 1


def test_saying_everything_many_times_does_not_pay():
    flood = told(["corner", "offside", "shot on target"] * 9)
    assert score(flood, TRUTH) < 0.25


def test_articles_alone_earn_nothing():
    assert score("A, then an, then a.", TRUTH) == 0


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_earns_nothing(text: str):
    assert score(text, TRUTH) == score(text, NOTHING) == 0
