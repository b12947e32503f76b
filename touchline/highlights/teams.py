"""Decide which team an action belongs to, from labels of the match or from team names in the
commentary around it.

The models here were not trained to tell teams apart. The rules for commentary were measured on real
matches (benchmarks/RESULTS.md): a line that names a team near a goal, corner or shot mostly means
the team that made it; near a foul, free-kick or clearance it more often means the other team.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from touchline.chat.timecode import format_time
from touchline.errors import InputError
from touchline.highlights.match import MatchPart
from touchline.highlights.wish import ReelQuery, TeamNames
from touchline.records.label import Label
from touchline.records.speech import Speech
from touchline.sports import SPORTS

BEFORE, AFTER = 6.0, 20.0  # seconds around an action's middle in which lines speak of it
LABEL_TOLERANCE = 6.0  # seconds from an interval in which a label is of the same action
MAX_QUOTED_LETTERS = 80  # letters of a line that are quoted
TEAM_REMEDY = "give --labels FILE, or --commentary FILE with --home NAME and --away NAME"


@dataclass(frozen=True)
class TeamAttribution:
    """Team of an action (`home`, `away`, or "" if unknown) and the reason in words."""

    team: str
    why: str


@dataclass(frozen=True)
class TeamEvidence:
    """Sources that tell the teams apart: team names, and per video file the labels and commentary
    lines, in seconds of the file.
    """

    sport: str = "soccer"
    clubs: TeamNames = field(default_factory=TeamNames)
    lines: Mapping[Path, Sequence[Speech]] = field(default_factory=dict)
    labels: Mapping[Path, Sequence[Label]] = field(default_factory=dict)
    keep: bool = False  # keep what cannot be told when a team is asked for

    @property
    def is_available(self) -> bool:
        """Whether there are labels, or commentary with distinct team names."""
        return bool(self.labels) or self._has_commentary

    @property
    def _has_commentary(self) -> bool:
        return self.clubs.are_distinct and any(self.lines.values())

    def check(self, wish: ReelQuery, request: str) -> None:
        """Raise `InputError` if the request asks for a team but nothing given can tell whose these
        actions are.
        """
        if not wish.team or self.labels:
            return
        who = f"asks for the {wish.team} team, which no model here was taught to tell"
        if not self._has_commentary:
            raise InputError(f'"{request}"', who, f"{TEAM_REMEDY}; or leave the team out")
        told_actions = SPORTS[self.sport].told_words
        if not set(wish.actions) & set(told_actions):
            action_list = ", ".join(told_actions) or "nothing"
            wrong = f"{who}, and commentary tells in {self.sport} only of: {action_list}"
            raise InputError(f'"{request}"', wrong, "give --labels FILE, or leave the team out")

    def attribute_team(
        self, action: str, path: Path, start: float, end: float, part: MatchPart
    ) -> TeamAttribution:
        """Attribute an action to a team. `start` and `end` are in seconds of the part's file.
        Labels take precedence over commentary.
        """
        if self.labels:  # they know every action: what they do not know may be none
            return self._team_from_labels(action, path, start, end, part)
        return self._team_from_commentary(action, path, (start + end) / 2, part)

    def _team_from_labels(
        self, action: str, path: Path, start: float, end: float, part: MatchPart
    ) -> TeamAttribution:
        words, middle = SPORTS[self.sport].words, (start + end) / 2
        near = [
            label
            for label in self.labels.get(path, ())
            if words[label.name] == action
            and start - LABEL_TOLERANCE <= label.start <= end + LABEL_TOLERANCE
        ]
        if not near:
            return TeamAttribution("", f"no label says {action} there")
        best = min(near, key=lambda label: abs(label.start - middle))
        at = format_time(round(part.match_time(best.start)))
        return TeamAttribution(best.team, f"the label at {at} says {best.team or 'no team'}")

    def _team_from_commentary(
        self, action: str, path: Path, middle: float, part: MatchPart
    ) -> TeamAttribution:
        if action not in SPORTS[self.sport].told_words:
            return TeamAttribution("", f"commentary does not tell whose {action} it is")
        near = [
            line
            for line in self.lines.get(path, ())
            if line.end > middle - BEFORE and line.start < middle + AFTER
        ]
        one_side_lines = [
            (line, next(iter(s)))
            for line in near
            if len(s := self.clubs.find_sides(line.text)) == 1
        ]
        words = SPORTS[self.sport].keywords[action]
        keyword_lines = [
            (line, side)
            for line, side in one_side_lines
            if any(w in line.text.lower() for w in words)
        ]
        pool = keyword_lines or one_side_lines
        if len({side for _, side in pool}) != 1:
            return TeamAttribution(
                "", "commentary names both teams" if pool else "commentary names no team alone"
            )
        line, side = pool[0]
        at, quote = format_time(round(part.match_time(line.start))), line.text
        quote = (
            quote
            if len(quote) <= MAX_QUOTED_LETTERS
            else f"{quote[:MAX_QUOTED_LETTERS].rstrip()} ..."
        )
        weak = "" if keyword_lines else f"no other team is named, nor the {action}: "
        return TeamAttribution(side, f'{weak}commentary at {at} says "{quote}"')
