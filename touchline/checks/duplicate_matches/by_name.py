"""Know a match by its teams and its day, however its folder spells them."""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import combinations

from touchline.checks.duplicate_matches.groups import Match, Same

DAY = re.compile(r"(?<!\d)(?P<year>(?:19|20)\d\d)[-_. ]?(?P<month>\d\d)[-_. ]?(?P<day>\d\d)(?!\d)")
CLOCK = re.compile(r"^[\s_-]*\d\d[-:h]\d\d(?!\d)")  # kick-off, right after the day
SCORE = re.compile(r"\s+\d+\s*[-:]\s*\d+\s+|\s+(?:vs?\.?|-)\s+")  # what stands between two teams
FORMS = {"fc", "cf", "afc", "ac", "as", "sc", "ssc", "fk", "sk", "bk", "cd", "ud", "sv", "club"}
SHORT = {"st": "saint", "utd": "united"}
ALIKE = 0.72  # of two words: Munich and Munchen score 0.77, City and United 0.4


@dataclass(frozen=True)
class Fixture:
    """Who played, and on which day (yyyy-mm-dd); the words of a team are plain and lower-case."""

    day: str
    teams: tuple[tuple[str, ...], tuple[str, ...]]


def fixture(match: str) -> Fixture | None:
    """The fixture that the last folder of a match names, None when it names no day or teams.

    `2015-02-21 - 18-00 Chelsea 1 - 1 Burnley`, `Burnley vs Chelsea 20150221` and the like.
    """
    name = match.rsplit("/", 1)[-1].replace("_", " ")
    day = DAY.search(name)
    if day is None:
        return None
    rest = f"{name[: day.start()]} {CLOCK.sub('', name[day.end() :])}"
    sides = [_words(side) for side in SCORE.split(rest.strip(" -"), maxsplit=1)]
    if len(sides) != 2 or not all(sides):
        return None
    return Fixture(f"{day['year']}-{day['month']}-{day['day']}", (sides[0], sides[1]))


def score(match: str) -> tuple[int, int] | None:
    """Goals of home and away, as the last folder of a match names them."""
    found = re.search(r" (\d+) - (\d+) ", match.rsplit("/", 1)[-1])
    return (int(found[1]), int(found[2])) if found else None


def by_name(matches: Iterable[Match]) -> list[Same]:
    """Pairs of matches of one sport, one day and the same two teams, home and away or not."""
    days: dict[tuple[str, str], list[tuple[Match, Fixture]]] = {}
    for match in matches:
        found = fixture(match[1])
        if found:
            days.setdefault((match[0], found.day), []).append((match, found))
    return [
        Same(a, b, "the same teams on the same day")
        for there in days.values()
        for (a, one), (b, other) in combinations(there, 2)
        if _same(one, other)
    ]


def _words(team: str) -> tuple[str, ...]:
    """Lower-case words without accents and without the club's legal form."""
    plain = unicodedata.normalize("NFKD", team.casefold())
    bare = "".join(letter for letter in plain if not unicodedata.combining(letter))
    words: list[str] = re.findall(r"[^\W_]+", bare)
    return tuple(SHORT.get(word, word) for word in words if word not in FORMS) or tuple(words)


def _same(one: Fixture, other: Fixture) -> bool:
    """Whether both teams agree, in either order."""
    (a, b), (c, d) = one.teams, other.teams
    return (_team(a, c) and _team(b, d)) or (_team(a, d) and _team(b, c))


def _team(a: tuple[str, ...], b: tuple[str, ...]) -> bool:
    """Every word of the shorter name is in the longer one: whole, cut off, or nearly."""
    short, long = sorted((a, b), key=len)
    return all(any(_word(word, other) for other in long) for word in short)


def _word(a: str, b: str) -> bool:
    short, long = sorted((a, b), key=len)
    if len(short) >= 3 and long.startswith(short):
        return True
    return a == b or (len(short) >= 4 and SequenceMatcher(None, a, b).ratio() >= ALIKE)
