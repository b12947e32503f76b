"""What a request asks for, as data: actions, periods, a stretch of the clock, a team, a number."""

import math
from dataclasses import dataclass

from touchline.clock import spoken

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
