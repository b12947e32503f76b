"""A judges' score is met by one number that is near enough."""

import pytest

from tests.world import HOSTILE
from touchline.tasks.score import parse_score_number, score_number


@pytest.mark.parametrize("said", ["80", "80.00", "77", "83.5", "About 81.2 points."])
def test_within_a_twentieth_is_right(said: str):
    assert score_number(said, "80.00") == 1


@pytest.mark.parametrize("said", ["75.9", "84.1", "0", "8", "800", "-", "80, 81", "80-81", "8,0"])
def test_farther_off_or_more_than_one_number_is_wrong(said: str):
    assert score_number(said, "80.00") == 0


def test_one_number_is_read_and_several_are_none():
    said = ("72.50", "It is 7.", "7.7.7", "7 or 8", "", "seven", "1:00", "٧٢")
    assert [parse_score_number(text) for text in said] == [
        72.5,
        7,
        None,
        None,
        None,
        None,
        None,
        None,
    ]


@pytest.mark.parametrize("text", [text for text in HOSTILE if text != "-1"])
def test_hostile_text_is_no_score(text: str):
    assert score_number(text, "72.50") == score_number(text, text) == 0
