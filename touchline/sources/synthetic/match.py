"""A match as it will be rendered: its teams, what happens in it and how its folder is called."""

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from touchline.sources.synthetic.drawing import Colour

CLUBS = (
    *("Ashford", "Brindle", "Calder", "Dunmore", "Elstow", "Farleigh", "Garside", "Holmwick"),
    *("Ilkley", "Jarrow", "Kelso", "Lydford", "Marden", "Norwood", "Oakham", "Penrith"),
)
KITS: tuple[Colour, ...] = (
    *((208, 38, 40), (236, 208, 40), (44, 74, 206), (226, 226, 232), (206, 66, 186)),
    *((36, 36, 44), (60, 188, 214), (232, 126, 30), (112, 26, 62), (28, 96, 60)),
)
FIRST_DAY = date(2030, 8, 3)


@dataclass(frozen=True)
class Event:
    """One labelled action; `time` is seconds of its half."""

    half: int
    time: float
    label: str
    team: str  # home, away or "not applicable", as SoccerNet writes it


@dataclass(frozen=True)
class Point:
    """A change of the score."""

    half: int
    time: float
    team: str
    worth: int


@dataclass(frozen=True)
class Match:
    sport: str
    day: date
    names: tuple[str, str]
    kits: tuple[Colour, Colour]
    half_seconds: int
    events: tuple[Event, ...]
    points: tuple[Point, ...]
    seed: tuple[int, int, int]

    def score(self, half: int, time: float) -> tuple[int, int]:
        """Home and away at a moment of a half."""
        done = [p for p in self.points if (p.half, p.time) <= (half, time)]
        return _sum(done, "home"), _sum(done, "away")

    @property
    def folder(self) -> str:
        """league/season/game, the game as SoccerNet writes it; the league names the sport."""
        (home, away), (ours, theirs) = self.names, self.score(2, float("inf"))
        season = f"{self.day.year}-{self.day.year + 1}"
        league = f"{self.sport}_synthetic-league"
        return f"{league}/{season}/{self.day} - 18-00 {home} {ours} - {theirs} {away}"

    def generator(self, purpose: int) -> np.random.Generator:
        """Random numbers for one purpose, the same whatever else is drawn."""
        return np.random.default_rng((*self.seed, purpose))


def fixture(
    rng: np.random.Generator, index: int
) -> tuple[date, tuple[str, str], tuple[Colour, Colour]]:
    """Day, names and kits of the match with this index; no two of a season share a day."""
    day = FIRST_DAY + timedelta(days=index)
    home, away = (int(i) for i in rng.choice(len(CLUBS), 2, replace=False))
    first, second = (int(i) for i in rng.choice(len(KITS), 2, replace=False))
    return day, (CLUBS[home], CLUBS[away]), (KITS[first], KITS[second])


def moment(seconds: float) -> float:
    """Round to a frame of 25 per second: labels fall on frames, in whole milliseconds."""
    return round(round(seconds * 25) / 25, 3)


def _sum(points: list[Point], team: str) -> int:
    return sum(p.worth for p in points if p.team == team)
