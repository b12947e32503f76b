"""Know a match by its teams and its day, however its folder spells them."""

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
    """Who played, and on which day (yyyy-mm-dd); the words of a team are plain and lower-case."""

    day: str
    teams: tuple[tuple[str, ...], tuple[str, ...]]


def parse_fixture(match: str) -> Fixture | None:
    """The fixture that the last folder of a match names, None when it names no day or teams.

    `2015-02-21 - 18-00 Chelsea 1 - 1 Burnley`, `Burnley vs Chelsea 20150221` and the like.
    """
    name = match.rsplit("/", 1)[-1].replace("_", " ")
    day = DAY_PATTERN.search(name)
    if day is None:
        return None
    rest = f"{name[: day.start()]} {KICKOFF_PATTERN.sub('', name[day.end() :])}"
    sides = [
        _team_words(side) for side in TEAM_SEPARATOR_PATTERN.split(rest.strip(" -"), maxsplit=1)
    ]
    if len(sides) != 2 or not all(sides):
        return None
    return Fixture(f"{day['year']}-{day['month']}-{day['day']}", (sides[0], sides[1]))


def parse_match_score(match: str) -> tuple[int, int] | None:
    """Goals of home and away, as the last folder of a match names them."""
    found = re.search(r" (\d+) - (\d+) ", match.rsplit("/", 1)[-1])
    return (int(found[1]), int(found[2])) if found else None


def find_duplicates_by_name(matches: Iterable[MatchKey]) -> list[DuplicateMatch]:
    """Pairs of matches of one sport, one day and the same two teams, home and away or not."""
    days: dict[tuple[str, str], list[tuple[MatchKey, Fixture]]] = {}
    for match in matches:
        found = parse_fixture(match[1])
        if found:
            days.setdefault((match[0], found.day), []).append((match, found))
    return [
        DuplicateMatch(a, b, "the same teams on the same day")
        for there in days.values()
        for (a, one), (b, other) in combinations(there, 2)
        if _is_same_fixture(one, other)
    ]


def _team_words(team: str) -> tuple[str, ...]:
    """Lower-case words without accents and without the club's legal form."""
    plain = unicodedata.normalize("NFKD", team.casefold())
    bare = "".join(letter for letter in plain if not unicodedata.combining(letter))
    words: list[str] = re.findall(r"[^\W_]+", bare)
    return tuple(
        WORD_ABBREVIATIONS.get(word, word) for word in words if word not in CLUB_FORMS
    ) or tuple(words)


def _is_same_fixture(one: Fixture, other: Fixture) -> bool:
    """Whether both teams agree, in either order."""
    (a, b), (c, d) = one.teams, other.teams
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
