"""A parsed highlight request (actions, periods, range of the match clock, team, limit), and whether
a text names one of the two teams.
"""

import math
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import cached_property

from touchline.chat.timecode import format_time

ORDINALS = ("first", "second", "third", "fourth", "fifth")


@dataclass(frozen=True)
class ClockRange:
    """A range of the match clock in seconds, or (`first`, `last`) so many seconds at the start or
    end of the match or period.
    """

    start: float = 0.0  # seconds of the match clock
    end: float = math.inf
    first: float = 0.0  # the first so many seconds; 0: not asked
    last: float = 0.0

    def describe(self) -> str:
        """The range in words."""
        if self.first or self.last:
            which, length = ("first", self.first) if self.first else ("last", self.last)
            return f"the {which} {length / 60:g} minutes"
        if math.isinf(self.end):
            return f"after {format_time(self.start)}"
        return f"from {format_time(self.start)} to {format_time(self.end)}"


@dataclass(frozen=True)
class ReelQuery:
    """A parsed highlight request; written to the reel's JSON."""

    sport: str
    actions: tuple[str, ...]  # words of the sport that are put to the model, in its order
    without: tuple[str, ...]  # words that were ruled out
    periods: tuple[int, ...]  # of the match; none: all of it
    period: str  # what the sport calls them
    stretch: ClockRange | None
    team: str  # home, away or ""
    most: int  # at most so many highlights; 0: all
    latest: bool  # of these the last ones
    left_out: tuple[str, ...]  # words that mean nothing here
    own: bool = False  # the one action is in the asker's own words

    def describe(self) -> str:
        """The request as understood, in one sentence."""
        parts = [f"in your words: {self.actions[0]}" if self.own else ", ".join(self.actions)]
        if self.most:
            parts.append(f"the {'last' if self.latest else 'first'} {self.most} of them")
        parts += [f"{ORDINALS[number - 1]} {self.period}" for number in self.periods]
        parts += [self.stretch.describe()] if self.stretch else []
        parts += [f"{self.team} team"] if self.team else []
        parts += [f"without {', '.join(self.without)}"] if self.without else []
        parts += [f"not understood: {' '.join(self.left_out)}"] if self.left_out else []
        return "; ".join(parts)


MIN_WORD_LETTERS = 4  # letters a word of a name must have to stand for the team
MIN_FUZZY_LETTERS = 6  # letters from which a word may be misheard
MIN_SIMILARITY = 0.8  # difflib's ratio of a misheard word
GENERIC_WORDS = frozenset(
    ("real", "city", "town", "united", "club", "athletic", "the")
)  # English, too
OTHER_SIDE = {"home": "away", "away": "home"}


@dataclass(frozen=True)
class TeamNames:
    """Names of the home and away team: club, nickname, players. Built from `--home`
    and `--away`.
    """

    home: tuple[str, ...] = ()
    away: tuple[str, ...] = ()

    @property
    def are_distinct(self) -> bool:
        """Whether each team has at least one word that does not also stand for the other team."""
        return all(self.words.values())

    def name(self, side: str) -> str:
        """`home (Ashford)`, or just `home` if no name was given. `side` is `home` or `away`."""
        names = self.home if side == "home" else self.away
        return f"{side} ({names[0]})" if names else side

    @cached_property
    def words(self) -> Mapping[str, frozenset[str]]:
        """Words that identify one side only: {side: words}. `munich` counts; `bayern` does not if
        both teams have it in their name.
        """
        words_by_side = {
            side: _team_words(names) for side, names in (("home", self.home), ("away", self.away))
        }
        return {
            side: words_by_side[side] - words_by_side[OTHER_SIDE[side]] for side in words_by_side
        }

    def spellings(self, side: str) -> list[str]:
        """All lower-case spellings by which a request may name a side, the longest first."""
        names = self.home if side == "home" else self.away
        folded_names = {name.casefold() for name in names} | self.words[side]
        return sorted(folded_names, key=lambda name: (-len(name), name))

    def find_sides(self, text: str) -> frozenset[str]:
        """The sides (`home`, `away`) whose names occur in a text, including likely misspellings."""
        sides = (self._side_of_word(word) for word in normalise_words(text))
        return frozenset(side for side in sides if side)

    def _side_of_word(self, word: str) -> str:
        exact = [side for side, words in self.words.items() if word in words]
        if exact or len(word) < MIN_FUZZY_LETTERS - 1:
            return exact[0] if exact else ""
        similar = [
            side for side, words in self.words.items() if any(_sounds_like(word, w) for w in words)
        ]
        return similar[0] if len(similar) == 1 else ""


def normalise_words(text: str) -> list[str]:
    """Split a text into lower-case words without accents and without a trailing 's."""
    plain = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
    return re.findall(r"[^\W_]+", re.sub(r"['\u2019]s\b", "", plain.casefold()))


def _team_words(names: Sequence[str]) -> frozenset[str]:
    words = {word for name in names for word in normalise_words(name)}
    one_word_names = {
        "".join(normalise_words(name)) for name in names if len(normalise_words(name)) == 1
    }  # however short
    return frozenset(
        {w for w in words if len(w) >= MIN_WORD_LETTERS and w not in GENERIC_WORDS} | one_word_names
    )


def _sounds_like(spoken_word: str, word: str) -> bool:
    if len(word) < MIN_FUZZY_LETTERS or spoken_word[0] != word[0]:
        return False
    return SequenceMatcher(None, spoken_word, word).ratio() >= MIN_SIMILARITY
