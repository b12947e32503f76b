"""Free words earn by the words they share with the truth, in its order."""

import pytest

from tests.world import HOSTILE
from touchline.tasks.open import NO_ACTION_ANSWER, format_action_list, score_open_answer

TRUTH = format_action_list(["corner", "offside", "shot on target"])


def test_actions_are_told_in_order_with_their_articles():
    assert TRUTH == "A corner, then an offside, then a shot on target."
    assert format_action_list([]) == NO_ACTION_ANSWER


def test_more_of_the_truth_earns_more_and_order_counts():
    some, swapped = (
        format_action_list(["corner", "offside"]),
        format_action_list(["shot on target", "corner", "offside"]),
    )
    assert (
        0
        < score_open_answer(format_action_list(["corner"]), TRUTH)
        < score_open_answer(some, TRUTH)
        < score_open_answer(TRUTH, TRUTH)
        == 1
    )
    assert 0 < score_open_answer(swapped, TRUTH) < 1


def test_saying_everything_many_times_does_not_pay():
    flood = format_action_list(["corner", "offside", "shot on target"] * 9)
    assert score_open_answer(flood, TRUTH) < 0.25


def test_articles_alone_earn_nothing():
    assert score_open_answer("A, then an, then a.", TRUTH) == 0


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_earns_nothing(text: str):
    assert score_open_answer(text, TRUTH) == score_open_answer(text, NO_ACTION_ANSWER) == 0
