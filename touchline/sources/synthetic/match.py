"""A synthetic match: its teams, events, score and folder name."""

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
class MatchEvent:
    """One labelled action; `time` is in seconds of its half."""

    half: int
    time: float
    label: str
    team: str  # home, away or "not applicable", as SoccerNet writes it


@dataclass(frozen=True)
class ScoreChange:
    """A change of the score."""

    half: int
    time: float
    team: str
    worth: int


@dataclass(frozen=True)
class SyntheticMatch:
    """A planned match, ready to be rendered."""

    sport: str
    day: date
    names: tuple[str, str]
    kits: tuple[Colour, Colour]
    half_seconds: int
    events: tuple[MatchEvent, ...]
    points: tuple[ScoreChange, ...]
    seed: tuple[int, int, int]

    def score(self, half: int, time: float) -> tuple[int, int]:
        """Return (home, away) at a time of a half."""
        done = [p for p in self.points if (p.half, p.time) <= (half, time)]
        return _total_points(done, "home"), _total_points(done, "away")

    @property
    def folder(self) -> str:
        """The path league/season/game, with the game named as in SoccerNet; the league names the
        sport.
        """
        (home, away), (home_score, away_score) = self.names, self.score(2, float("inf"))
        season = f"{self.day.year}-{self.day.year + 1}"
        league = f"{self.sport}_synthetic-league"
        return f"{league}/{season}/{self.day} - 18-00 {home} {home_score} - {away_score} {away}"

    def generator(self, purpose: int) -> np.random.Generator:
        """Return a random generator for one purpose, independent of draws for other purposes."""
        return np.random.default_rng((*self.seed, purpose))


def draw_fixture(
    rng: np.random.Generator, index: int
) -> tuple[date, tuple[str, str], tuple[Colour, Colour]]:
    """Draw (day, club names, kits) of the match with this index; no two matches share a day."""
    day = FIRST_DAY + timedelta(days=index)
    home, away = (int(i) for i in rng.choice(len(CLUBS), 2, replace=False))
    first, second = (int(i) for i in rng.choice(len(KITS), 2, replace=False))
    return day, (CLUBS[home], CLUBS[away]), (KITS[first], KITS[second])


def round_to_frame(seconds: float) -> float:
    """Round seconds to a frame at 25 frames per second, so that labels fall on whole frames and
    milliseconds.
    """
    return round(round(seconds * 25) / 25, 3)


def _total_points(points: list[ScoreChange], team: str) -> int:
    return sum(p.worth for p in points if p.team == team)
