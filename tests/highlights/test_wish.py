"""Teams are recognised as people say their names."""

import pytest

from touchline.highlights.wish import TeamNames

BOTH = TeamNames(("Bayern Munich", "the Bavarians"), ("Bayer Leverkusen",))


@pytest.mark.parametrize(
    ("text", "sides"),
    [
        ("Munich's corner again", {"home"}),
        ("a chance for the BAVARIANS", {"home"}),
        ("Leverkussen go forward", {"away"}),
        ("Munich against Leverkusen", {"home", "away"}),
        ("Bayer, no, Bayern", {"home", "away"}),
        ("a munificent pass", set()),
        ("They keep the ball patiently.", set()),
    ],
)
def test_a_line_speaks_of_the_sides_it_names(text: str, sides: set[str]) -> None:
    assert BOTH.find_sides(text) == sides


def test_words_that_both_share_or_that_are_plain_english_name_nobody() -> None:
    clubs = TeamNames(("Real Madrid",), ("Atlético Madrid",))
    assert clubs.find_sides("a real chance in Madrid") == set()
    assert clubs.find_sides("Atletico press") == {"away"}
    assert not clubs.are_distinct  # nothing but the whole name is left of the first


def test_a_short_name_counts_when_it_is_all_there_is() -> None:
    assert TeamNames(("PSG",), ("Lyon",)).find_sides("PSG!") == {"home"}
