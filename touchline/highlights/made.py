"""What comes of a request: highlights, the cuts of the reel, what should be known."""

from dataclasses import dataclass
from pathlib import Path

from touchline.highlights.film import Cut
from touchline.highlights.wish import Wish


@dataclass(frozen=True)
class Highlight:
    """One action that was found; times in seconds."""

    action: str
    file: str
    period: int  # 0: not known
    start: float  # of the file
    end: float
    match_start: float  # on the match clock
    match_end: float
    reel_start: float  # where the reel shows `start` and `end`
    reel_end: float
    votes: int  # clips that found it
    looks: int  # clips that show it
    answers: tuple[str, ...]  # ids
    team: str  # home, away, or "": not told
    told_by: str  # how one knows, or why not; "" where nothing could tell


@dataclass(frozen=True)
class Omitted:
    """An action that was found and is not in the reel, for it is not known to be the team's."""

    action: str
    file: str
    start: float  # of the file
    end: float
    match_start: float
    team: str
    told_by: str


@dataclass(frozen=True)
class Made:
    """What came of a request; `reel` is None when nothing was found."""

    wish: Wish
    highlights: tuple[Highlight, ...]
    omitted: tuple[Omitted, ...]
    cuts: tuple[Cut, ...]
    notes: tuple[str, ...]
    reel: Path | None
    json: Path
    page: Path
