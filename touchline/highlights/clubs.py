"""What the two teams are called, and whether a text speaks of them: loosely, as people do."""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import cached_property

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
