"""A fault names its place and a remedy in a sentence that a person can read."""

import pickle

from touchline.errors import MAX_CHARACTERS, InputError


def test_a_value_of_a_hundred_thousand_letters_is_not_quoted_whole() -> None:
    fault = InputError(
        "labels.json", f"{'goal' * 25_000!r} is not a label", "choose among goal, foul"
    )
    assert len(str(fault)) < MAX_CHARACTERS + 100
    assert str(fault).startswith("labels.json: 'goalgoal")
    assert str(fault).endswith("goal' is not a label; choose among goal, foul")


def test_a_place_of_a_hundred_thousand_letters_is_not_quoted_whole() -> None:
    fault = InputError("x" * 100_000 + ".json: row 7", "is empty", "correct it")
    assert len(str(fault)) < MAX_CHARACTERS + 100
    assert ".json: row 7: is empty; correct it" in str(fault)


def test_a_remedy_that_lists_what_a_file_holds_is_shortened_too() -> None:
    fault = InputError("questions", "no question is in the split", f"there is {'x' * 100_000}")
    assert len(str(fault)) < MAX_CHARACTERS + 100


def test_a_sentence_of_usual_length_is_said_as_it_is() -> None:
    wrong = "w" * MAX_CHARACTERS
    assert str(InputError("place", wrong, "correct it")) == f"place: {wrong}; correct it"


def test_a_shortened_fault_is_the_same_in_another_process() -> None:
    fault = InputError("p" * 9_000, "w" * 9_000, "correct it")
    assert str(pickle.loads(pickle.dumps(fault))) == str(fault)
