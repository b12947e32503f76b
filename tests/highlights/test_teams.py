"""Whose action it was is told by a label or by commentary, or honestly not at all."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from touchline.errors import InputError
from touchline.highlights.request import parse_highlight_request
from touchline.highlights.teams import TeamAttribution, TeamEvidence
from touchline.highlights.wish import TeamNames
from touchline.records.label import Label
from touchline.records.speech import Speech

FILM = Path("match.mkv")
PART: Any = SimpleNamespace(match_time=lambda time: 2700 + time)
CLUBS = TeamNames(("Ashford",), ("Brindle",))


def heard(*texts: str, at: float = 31) -> TeamEvidence:
    rows = [Speech(str(i), "", at + i, at + i + 1, text, "") for i, text in enumerate(texts)]
    return TeamEvidence("soccer", CLUBS, {FILM: rows})


def tell(sides: TeamEvidence, action: str = "goal") -> TeamAttribution:
    return sides.attribute_team(action, FILM, 24, 36, PART)


def test_the_line_that_names_team_and_action_goes_before_those_that_name_a_team() -> None:
    said = heard("Brindle look tired.", "Ashford score, what a goal!")
    assert tell(said) == TeamAttribution(
        "home", 'commentary at 45:32 says "Ashford score, what a goal!"'
    )


def test_a_team_named_without_the_action_is_told_as_the_weaker_evidence_it_is() -> None:
    why = 'no other team is named, nor the goal: commentary at 45:31 says "Brindle now."'
    assert tell(heard("Brindle now.")) == TeamAttribution("away", why)


@pytest.mark.parametrize(
    ("sides", "action", "why"),
    [
        (heard("Ashford and Brindle."), "goal", "commentary names no team alone"),
        (heard("Ashford now.", "Brindle now."), "goal", "commentary names both teams"),
        (heard("Ashford score!", at=90), "goal", "commentary names no team alone"),
        (heard("Ashford foul him."), "foul", "commentary does not tell whose foul it is"),
    ],
)
def test_what_cannot_be_told_is_not_guessed(sides: TeamEvidence, action: str, why: str) -> None:
    assert tell(sides, action) == TeamAttribution("", why)


def test_the_nearest_label_of_the_action_tells_before_any_commentary() -> None:
    rows = [
        Label(str(at), "1", "Goal", at, at, team, "", "", [], "")
        for at, team in ((18.5, "home"), (31.0, "away"))
    ]
    sides = TeamEvidence("soccer", CLUBS, heard("Ashford score a goal!").lines, {FILM: rows})
    assert tell(sides) == TeamAttribution("away", "the label at 45:31 says away")
    assert tell(sides, "corner").team == ""


def test_a_team_is_refused_where_nothing_can_tell_and_the_answer_says_what_to_give() -> None:
    wish = parse_highlight_request("goals of the home team", "soccer")
    with pytest.raises(InputError, match="--labels FILE, or --commentary FILE with --home NAME"):
        TeamEvidence().check(wish, "goals of the home team")
    heard("Ashford!").check(wish, "goals of the home team")
    fouls = parse_highlight_request("fouls of the home team", "soccer")
    with pytest.raises(InputError, match="commentary tells in soccer only of: goal, corner, shot"):
        heard("Ashford!").check(fouls, "fouls of the home team")
