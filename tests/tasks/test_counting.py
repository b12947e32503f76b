"""A count is one whole number, asked only of a rally that the clip shows whole."""

from random import Random

import pytest

from tests.world import HOSTILE, RULES, clip_of, label
from touchline.tasks.counting import draft_counting_questions, parse_count, score_count
from touchline.tasks.scene import build_clip_scene


def drafts(*moments: float, sport: str = "badminton", name: str = "Top stroke") -> list:
    clip = clip_of(sport, start=100, length=60)
    return draft_counting_questions(
        build_clip_scene(clip, [label(name, 100 + moment) for moment in moments]), RULES, Random(1)
    )


def test_a_whole_rally_is_counted():
    (draft,) = drafts(10, 12.5, 15)
    assert draft.truth == "3"
    assert draft.evidence == ((8.5, 16.5),)


@pytest.mark.parametrize(
    "moments",
    [(), (10, 12, 40, 42), (-1, 2, 4), (55, 58, 61), (1, 3, 5), (55, 57, 59)],
    ids=["none", "two rallies", "begun before", "goes on", "first shows before", "last shows on"],
)
def test_a_rally_that_is_not_whole_is_not_asked_about(moments: tuple[float, ...]):
    assert drafts(*moments) == []


def test_other_sports_are_not_asked_to_count():
    assert drafts(10, 12, 14, sport="soccer", name="Foul") == []


def test_one_number_is_read_and_several_are_none():
    said = ("7", "7 strokes.", "It has 12.", "5 or 6", "5.5", "seven")
    assert [parse_count(text) for text in said] == [7, 7, 12, None, None, None]


@pytest.mark.parametrize("text", [text for text in HOSTILE if text not in {"١٢", "-1"}])
def test_hostile_text_counts_nothing(text: str):
    assert score_count(text, "7") == score_count(text, text) == 0
