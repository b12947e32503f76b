"""A request in English is understood by rules, and refused in words where it is not."""

import pytest

from touchline.errors import InputError
from touchline.highlights.request import parse_free_request, parse_highlight_request
from touchline.highlights.wish import TeamNames

SAID = {
    "all the goals in the second half": "goal; second half",
    "goals and red cards, not penalties": "goal, red card; without penalty",
    "Free kicks in the last ten minutes": "free-kick; the last 10 minutes",
    "everything except fouls and corners": (
        "goal, substitution, shot on target, clearance, free-kick; without corner, foul"
    ),
    "the first three shots": "shot on target, shot off target; the first 3 of them",
    "cards": "yellow card, red card",
    "no goals but corners": "corner; without goal",
    "shots on target in the first and second half": "shot on target; first half; second half",
    "all saves from minute 30 to minute 40": "shot on target; from 30:00 to 40:00",
    "freekicks in the first 5 minutes of the second half": (
        "free-kick; second half; the first 5 minutes"
    ),
    "goals after the 60th minute": "goal; after 60:00",
    "last goal": "goal; the last 1 of them",
    "goals from minute seventy to minute eighty": "goal; from 70:00 to 80:00",
    "home team goals": "goal; home team",
    "goals by Smith": "goal; not understood: smith",
    "kickoffs and throw ins": "kick-off, throw-in",
}


@pytest.mark.parametrize("text", SAID)
def test_a_request_is_said_back_as_it_was_understood(text: str) -> None:
    assert parse_highlight_request(text, "soccer").describe() == SAID[text]


@pytest.mark.parametrize(
    "text",
    ["alle Tore der zweiten Halbzeit", "the weather in Paris", "", "第二節的進球", "home runs"],
)
def test_another_language_or_nothing_of_the_sport_is_answered_with_what_can_be_asked(
    text: str,
) -> None:
    with pytest.raises(InputError, match=r"ask in English for one or more of: penalty, kick-off"):
        parse_highlight_request(text, "soccer")


def test_what_rules_itself_out_is_refused() -> None:
    with pytest.raises(InputError, match="rules out everything"):
        parse_highlight_request("goals, not goals", "soccer")


@pytest.mark.parametrize(
    ("sport", "text", "said"),
    [
        ("badminton", "all smashes in the second game", "smash; second game"),
        ("badminton", "serves", "short serve, long serve"),
        ("basketball", "travels and charges", "travelling, charging"),
        ("tennis", "serves", "near court serve, far court serve"),
    ],
)
def test_each_sport_has_its_own_words(sport: str, text: str, said: str) -> None:
    assert parse_highlight_request(text, sport).describe() == said


def test_an_unknown_sport_is_refused_with_those_that_are_known() -> None:
    with pytest.raises(InputError, match="choose among soccer"):
        parse_highlight_request("goals", "quidditch")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("the best saves", "in your words: best saves"),
        ("when the crowd goes wild", "in your words: crowd goes wild"),
        ("die Tore von Smith in the second half", "in your words: die tore von smith; second half"),
        ("a fan on the pitch in the last ten minutes", "in your words: fan on the pitch; the last"),
    ],
)
def test_own_words_are_kept_as_they_stand_and_halves_and_minutes_are_understood(
    text: str, said: str
) -> None:
    assert parse_free_request(text, "soccer").describe().startswith(said)


@pytest.mark.parametrize("text", ["", "show me the second half", "?!"])
def test_own_words_that_say_nothing_are_refused(text: str) -> None:
    with pytest.raises(InputError, match="says nothing to look for"):
        parse_free_request(text, "soccer")


@pytest.mark.parametrize(
    ("text", "team"),
    [
        ("all goals by Ashford in the second half", "home"),
        ("Brindle's corners", "away"),
        ("goals, not by the home team", "away"),
        ("goals of AC Brindle, not corners", "away"),
        ("goals of Ashford and Brindle", ""),
        ("corners for the visiting side", "away"),
    ],
)
def test_a_team_is_understood_by_side_or_by_name(text: str, team: str) -> None:
    wish = parse_highlight_request(text, "soccer", TeamNames(("Ashford",), ("AC Brindle",)))
    assert (wish.team, wish.left_out) == (team, ())


@pytest.mark.parametrize(
    "text", ["12:30 goals", "the first 9:30 goals", f"goals after {'9' * 5000}"]
)
def test_a_number_that_cannot_be_meant_is_not_understood_and_no_crash(text: str) -> None:
    with pytest.raises(InputError, match="not understood"):
        parse_highlight_request(text, "soccer")
