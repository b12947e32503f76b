"""The halves of a SoccerNet game: from their video files, or by rule where these are not here."""

import math
from collections.abc import Iterable
from pathlib import Path

from touchline.records import Video
from touchline.sources.source import Found
from touchline.video.probe import unseen

PARTS = ("1", "2")
VIDEOS = ("1_224p.mkv", "2_224p.mkv", "1_720p.mkv", "2_720p.mkv")  # the first of a half is taken
Minutes = tuple[int, int]  # a half whose video is not here lasts at least, at most


def half(source: str, folder: Path, game: str, part: str, seconds: float) -> Found:
    """The half's video file or, without one, a half of `seconds`."""
    match = f"{source}/{game}"
    files = [name for name in VIDEOS if name[0] == part and (folder / game / name).is_file()]
    path = Path(game, files[0]) if files else None
    return Found(f"{match}/{part}", path, "soccer", match, part, seconds)


def lasting(minutes: Minutes, ends: Iterable[float]) -> float:
    """Seconds of a half: the last thing known to happen, up to the full minute, within `minutes`.

    A label at 45:00.0 lies in minute 46. Beyond the most, a time is a fault of its row.
    """
    last = math.floor(max(ends, default=0.0) / 60) + 1
    return 60.0 * min(max(last, minutes[0]), minutes[1])


def provisional(match: str, minutes: Minutes) -> dict[str, Video]:
    """Both halves at their longest: to read the times of rows before the halves are known."""
    seconds = 60.0 * minutes[1]
    return {part: _video(f"{match}/{part}", match, part, seconds) for part in PARTS}


def _video(id: str, match: str, part: str, seconds: float) -> Video:
    place = {"source": match.split("/")[0], "sport": "soccer", "match": match, "part": part}
    return Video(id=id, **place, path="", licence="", terms="", **unseen(seconds))
