"""What a request asks for, as data: actions, periods, a stretch of the clock, a team, a number."""

import math
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import cached_property

from touchline.chat.timecode import spoken

ORDINALS = ("first", "second", "third", "fourth", "fifth")


@dataclass(frozen=True)
class Stretch:
    """Minutes of the match clock, or the first or last so many seconds of match or period."""

    start: float = 0.0  # seconds of the match clock
    end: float = math.inf
    first: float = 0.0  # the first so many seconds; 0: not asked
    last: float = 0.0

    def said(self) -> str:
        if self.first or self.last:
            which, length = ("first", self.first) if self.first else ("last", self.last)
            return f"the {which} {length / 60:g} minutes"
        if math.isinf(self.end):
            return f"after {spoken(self.start)}"
        return f"from {spoken(self.start)} to {spoken(self.end)}"


@dataclass(frozen=True)
class Wish:
    """A request as understood."""

    sport: str
    actions: tuple[str, ...]  # words of the sport that are put to the model, in its order
    without: tuple[str, ...]  # words that were ruled out
    periods: tuple[int, ...]  # of the match; none: all of it
    period: str  # what the sport calls them
    stretch: Stretch | None
    team: str  # home, away or ""
    most: int  # at most so many highlights; 0: all
    latest: bool  # of these the last ones
    left_out: tuple[str, ...]  # words that mean nothing here
    own: bool = False  # the one action is in the asker's own words

    def said(self) -> str:
        """One sentence for people."""
        parts = [f"in your words: {self.actions[0]}" if self.own else ", ".join(self.actions)]
        if self.most:
            parts.append(f"the {'last' if self.latest else 'first'} {self.most} of them")
        parts += [f"{ORDINALS[number - 1]} {self.period}" for number in self.periods]
        parts += [self.stretch.said()] if self.stretch else []
        parts += [f"{self.team} team"] if self.team else []
        parts += [f"without {', '.join(self.without)}"] if self.without else []
        parts += [f"not understood: {' '.join(self.left_out)}"] if self.left_out else []
        return "; ".join(parts)


SHORT = 4  # letters a word of a name must have to stand for the team
HEARD = 6  # letters from which a word may be misheard
ALIKE = 0.8  # difflib's ratio of a misheard word
PLAIN = frozenset(("real", "city", "town", "united", "club", "athletic", "the"))  # English, too
OTHER = {"home": "away", "away": "home"}


@dataclass(frozen=True)
class Clubs:
    """Names of the sides as people say them: the club, its nickname, its players."""

    home: tuple[str, ...] = ()
    away: tuple[str, ...] = ()

    @property
    def known(self) -> bool:
        """Whether each side has a word of its own."""
        return all(self.words.values())

    def name(self, side: str) -> str:
        """`home (Ashford)`, or `home` where nobody said what it is called."""
        names = self.home if side == "home" else self.away
        return f"{side} ({names[0]})" if names else side

    @cached_property
    def words(self) -> Mapping[str, frozenset[str]]:
        """Words that stand for one side alone: `munich`, and `bayern` unless both are."""
        said = {side: _all(names) for side, names in (("home", self.home), ("away", self.away))}
        return {side: said[side] - said[OTHER[side]] for side in said}

    def spellings(self, side: str) -> list[str]:
        """What a request may call a side, in lower case, the longest first."""
        names = self.home if side == "home" else self.away
        every = {name.casefold() for name in names} | self.words[side]
        return sorted(every, key=lambda name: (-len(name), name))

    def named(self, text: str) -> frozenset[str]:
        """The sides that a text speaks of."""
        found = (self._side(word) for word in folded(text))
        return frozenset(side for side in found if side)

    def _side(self, word: str) -> str:
        exact = [side for side, words in self.words.items() if word in words]
        if exact or len(word) < HEARD - 1:
            return exact[0] if exact else ""
        heard = [side for side, words in self.words.items() if any(_like(word, w) for w in words)]
        return heard[0] if len(heard) == 1 else ""


def folded(text: str) -> list[str]:
    """Words in lower case, without accents and without a final 's."""
    plain = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
    return re.findall(r"[^\W_]+", re.sub(r"['\u2019]s\b", "", plain.casefold()))


def _all(names: Sequence[str]) -> frozenset[str]:
    words = {word for name in names for word in folded(name)}
    whole = {"".join(folded(name)) for name in names if len(folded(name)) == 1}  # however short
    return frozenset({w for w in words if len(w) >= SHORT and w not in PLAIN} | whole)


def _like(said: str, word: str) -> bool:
    if len(word) < HEARD or said[0] != word[0]:
        return False
    return SequenceMatcher(None, said, word).ratio() >= ALIKE
