"""Credit for a choice needs the letter itself."""

from random import Random

import pytest

from tests.world import HOSTILE, RULES, asked_of, clip_of
from touchline.errors import InputError
from touchline.records.label import Label
from touchline.tasks.choice import (
    LETTERS,
    draft_choice_questions,
    parse_option_letter,
    score_choice,
)
from touchline.tasks.scene import build_clip_scene

TRUTH = "B. travelling"


@pytest.mark.parametrize("said", ["B. travelling", "B", " (B) travelling", "B."])
def test_the_letter_first_is_enough(said: str):
    assert score_choice(said, TRUTH) == 1


@pytest.mark.parametrize(
    "said", ["travelling", "A. travelling", "C", "b", "It is B", "Bravo", "AB", "", "ABCD", "."]
)
def test_without_the_right_letter_there_is_no_credit(said: str):
    assert score_choice(said, TRUTH) == 0


def ready_question(count: int) -> tuple[Label, ...]:
    options = [f"option {number}" for number in range(count)]
    return (
        Label(
            id="q",
            video="v",
            name="",
            start=1.0,
            end=2.0,
            team="",
            task="choice",
            asked="Which?",
            options=options,
            answer=options[-1],
        ),
    )


@pytest.mark.parametrize("count", [2, 4, 5, 8])
def test_no_option_is_lost(count: int):
    scene = build_clip_scene(clip_of("soccer"), ready_question(count))
    (draft,) = draft_choice_questions(scene, RULES, Random(1))
    assert draft.text.count("option ") == count
    assert draft.truth == f"{LETTERS[count - 1]}. option {count - 1}"
    assert score_choice(draft.truth, draft.truth) == 1
    assert score_choice(LETTERS[count - 2], draft.truth) == 0


def test_more_options_than_letters_are_refused_by_the_question():
    scene = build_clip_scene(clip_of("soccer"), ready_question(9))
    with pytest.raises(InputError, match="'Which\\?' has 9 options; give at most 8, A to H"):
        draft_choice_questions(scene, RULES, Random(1))


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
