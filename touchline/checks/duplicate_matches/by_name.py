"""Find duplicate matches by teams and date, despite different spellings of folder names."""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import combinations

from touchline.checks.duplicate_matches.groups import DuplicateMatch, MatchKey

DAY_PATTERN = re.compile(
    r"(?<!\d)(?P<year>(?:19|20)\d\d)[-_. ]?(?P<month>\d\d)[-_. ]?(?P<day>\d\d)(?!\d)"
)
KICKOFF_PATTERN = re.compile(r"^[\s_-]*\d\d[-:h]\d\d(?!\d)")  # kick-off, right after the day
TEAM_SEPARATOR_PATTERN = re.compile(
    r"\s+\d+\s*[-:]\s*\d+\s+|\s+(?:vs?\.?|-)\s+"
)  # what stands between two teams
CLUB_FORMS = {
    "fc",
    "cf",
    "afc",
    "ac",
    "as",
    "sc",
    "ssc",
    "fk",
    "sk",
    "bk",
    "cd",
    "ud",
    "sv",
    "club",
}
WORD_ABBREVIATIONS = {"st": "saint", "utd": "united"}
MIN_WORD_SIMILARITY = 0.72  # of two words: Munich and Munchen score 0.77, City and United 0.4


@dataclass(frozen=True)
class Fixture:
    """Date (yyyy-mm-dd) and the two teams, each as lower-case words without accents."""

    day: str
    teams: tuple[tuple[str, ...], tuple[str, ...]]


def parse_fixture(match: str) -> Fixture | None:
    """Parse date and teams from the last folder of a match's name, e.g. `2015-02-21 - 18-00 Chelsea
    1 - 1 Burnley`; None if either is missing.
    """
    name = match.rsplit("/", 1)[-1].replace("_", " ")
    day = DAY_PATTERN.search(name)
    if day is None:
        return None
    name_without_day = f"{name[: day.start()]} {KICKOFF_PATTERN.sub('', name[day.end() :])}"
    sides = [
        _team_words(side)
        for side in TEAM_SEPARATOR_PATTERN.split(name_without_day.strip(" -"), maxsplit=1)
    ]
    if len(sides) != 2 or not all(sides):
        return None
    return Fixture(f"{day['year']}-{day['month']}-{day['day']}", (sides[0], sides[1]))


def parse_match_score(match: str) -> tuple[int, int] | None:
    """(home, away) goals from the last folder of a match's name, or None."""
    goals = re.search(r" (\d+) - (\d+) ", match.rsplit("/", 1)[-1])
    return (int(goals[1]), int(goals[2])) if goals else None


def find_duplicates_by_name(matches: Iterable[MatchKey]) -> list[DuplicateMatch]:
    """Pairs of matches of one sport with the same date and teams, in either order."""
    days: dict[tuple[str, str], list[tuple[MatchKey, Fixture]]] = {}
    for match in matches:
        parsed = parse_fixture(match[1])
        if parsed:
            days.setdefault((match[0], parsed.day), []).append((match, parsed))
    return [
        DuplicateMatch(match_a, match_b, "the same teams on the same day")
        for same_day in days.values()
        for (match_a, fixture_a), (match_b, fixture_b) in combinations(same_day, 2)
        if _is_same_fixture(fixture_a, fixture_b)
    ]


def _team_words(team: str) -> tuple[str, ...]:
    """Lower-case words without accents and without the club's legal form."""
    plain = unicodedata.normalize("NFKD", team.casefold())
    bare = "".join(letter for letter in plain if not unicodedata.combining(letter))
    words: list[str] = re.findall(r"[^\W_]+", bare)
    return tuple(
        WORD_ABBREVIATIONS.get(word, word) for word in words if word not in CLUB_FORMS
    ) or tuple(words)


def _is_same_fixture(fixture_a: Fixture, fixture_b: Fixture) -> bool:
    """Whether both teams agree, in either order."""
    (a, b), (c, d) = fixture_a.teams, fixture_b.teams
    return (_is_same_team(a, c) and _is_same_team(b, d)) or (
        _is_same_team(a, d) and _is_same_team(b, c)
    )


def _is_same_team(a: tuple[str, ...], b: tuple[str, ...]) -> bool:
    """Every word of the shorter name is in the longer one: whole, cut off, or nearly."""
    short, long = sorted((a, b), key=len)
    return all(any(_is_same_word(word, other) for other in long) for word in short)


def _is_same_word(a: str, b: str) -> bool:
    short, long = sorted((a, b), key=len)
    if len(short) >= 3 and long.startswith(short):
        return True
    return a == b or (
        len(short) >= 4 and SequenceMatcher(None, a, b).ratio() >= MIN_WORD_SIMILARITY
    )
