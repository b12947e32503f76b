"""Whose action it was: told by a label of the match, or by names in the commentary around it.

No model here was taught to tell teams. What commentary is worth was measured on real matches
(benchmarks/RESULTS.md): a line that names a team near a goal, a corner or a shot mostly speaks of
the team that made it; near a foul, a free-kick or a clearance more often of the other one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from touchline.chat.timecode import spoken
from touchline.errors import BadInput
from touchline.highlights.match import Part
from touchline.highlights.wish import Clubs, Wish
from touchline.records import Label, Speech
from touchline.sports import SPORTS

TOLD = {"soccer": ("goal", "corner", "shot on target")}
BEFORE, AFTER = 6.0, 20.0  # seconds around an action's middle in which lines speak of it
NEAR = 6.0  # seconds from an interval in which a label is of the same action
LONGEST = 80  # letters of a line that are quoted
GIVE = "give --labels FILE, or --commentary FILE with --home NAME and --away NAME"


@dataclass(frozen=True)
class Told:
    """`home`, `away`, or "" for not told; and how one knows, or why not."""

    team: str
    why: str


@dataclass(frozen=True)
class Sides:
    """All that can tell: names, and by file labels and lines in seconds of the file."""

    sport: str = "soccer"
    clubs: Clubs = field(default_factory=Clubs)
    lines: Mapping[Path, Sequence[Speech]] = field(default_factory=dict)
    labels: Mapping[Path, Sequence[Label]] = field(default_factory=dict)
    keep: bool = False  # keep what cannot be told when a team is asked for

    @property
    def any(self) -> bool:
        """Whether anything can tell."""
        return bool(self.labels) or self._speaks

    @property
    def _speaks(self) -> bool:
        return self.clubs.known and any(self.lines.values())

    def check(self, wish: Wish, request: str) -> None:
        """`BadInput` where a team is asked for of which nothing given here can tell."""
        if not wish.team or self.labels:
            return
        who = f"asks for the {wish.team} team, which no model here was taught to tell"
        if not self._speaks:
            raise BadInput(f'"{request}"', who, f"{GIVE}; or leave the team out")
        can = TOLD.get(self.sport, ())
        if not set(wish.actions) & set(can):
            said = ", ".join(can) or "nothing"
            wrong = f"{who}, and commentary tells in {self.sport} only of: {said}"
            raise BadInput(f'"{request}"', wrong, "give --labels FILE, or leave the team out")

    def tell(self, action: str, path: Path, start: float, end: float, part: Part) -> Told:
        """Whose action this is; `start` to `end` in seconds of the file of the part."""
        if self.labels:  # they know every action: what they do not know may be none
            return self._labelled(action, path, start, end, part)
        return self._heard(action, path, (start + end) / 2, part)

    def _labelled(self, action: str, path: Path, start: float, end: float, part: Part) -> Told:
        words, middle = SPORTS[self.sport].words, (start + end) / 2
        near = [
            label
            for label in self.labels.get(path, ())
            if words[label.name] == action and start - NEAR <= label.start <= end + NEAR
        ]
        if not near:
            return Told("", f"no label says {action} there")
        best = min(near, key=lambda label: abs(label.start - middle))
        at = spoken(round(part.match_time(best.start)))
        return Told(best.team, f"the label at {at} says {best.team or 'no team'}")

    def _heard(self, action: str, path: Path, middle: float, part: Part) -> Told:
        if action not in TOLD.get(self.sport, ()):
            return Told("", f"commentary does not tell whose {action} it is")
        near = [
            line
            for line in self.lines.get(path, ())
            if line.end > middle - BEFORE and line.start < middle + AFTER
        ]
        one = [(line, next(iter(s))) for line in near if len(s := self.clubs.named(line.text)) == 1]
        words = SPORTS[self.sport].keywords[action]
        both = [(line, side) for line, side in one if any(w in line.text.lower() for w in words)]
        pool = both or one
        if len({side for _, side in pool}) != 1:
            return Told(
                "", "commentary names both teams" if pool else "commentary names no team alone"
            )
        line, side = pool[0]
        at, quote = spoken(round(part.match_time(line.start))), line.text
        quote = quote if len(quote) <= LONGEST else f"{quote[:LONGEST].rstrip()} ..."
        weak = "" if both else f"no other team is named, nor the {action}: "
        return Told(side, f'{weak}commentary at {at} says "{quote}"')
