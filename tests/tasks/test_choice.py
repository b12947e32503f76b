"""Credit for a choice needs the letter itself."""

import pytest

from tests.world import HOSTILE, asked_of
from touchline.tasks.choice import LETTERS, parse_option_letter, score_choice

TRUTH = "B. travelling"


@pytest.mark.parametrize("said", ["B. travelling", "B", " (B) travelling", "B."])
def test_the_letter_first_is_enough(said: str):
    assert score_choice(said, TRUTH) == 1


@pytest.mark.parametrize(
    "said", ["travelling", "A. travelling", "C", "b", "It is B", "Bravo", "AB", "", "ABCD", "."]
)
def test_without_the_right_letter_there_is_no_credit(said: str):
    assert score_choice(said, TRUTH) == 0


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_names_no_letter(text: str):
    assert score_choice(text, TRUTH) == score_choice(text, text) == 0


def test_the_truth_is_one_of_four_options_and_its_place_tells_nothing():
    asked = [question for _, question in asked_of("choice")]
    places = [question.options.index(question.truth[3:]) for question in asked]
    assert all(len(set(question.options)) == 4 for question in asked)
    assert [LETTERS[place] for place in places] == [
        parse_option_letter(question.truth) for question in asked
    ]
    assert set(places) == {0, 1, 2, 3}
