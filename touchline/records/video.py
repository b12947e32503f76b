"""A video file of a source."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Video:
    """One video file of one source. Times are in seconds from the first shown frame."""

    id: str  # source/match/part, unique
    source: str
    sport: str
    match: str  # what the split is decided by
    part: str  # "1" and "2" for the halves of a match
    path: str  # below the videos folder; "" when only labels and commentary are here
    sha256: str
    bytes: int
    licence: str
    terms: str  # open, request or nda
    codec: str
    width: int
    height: int
    fps: float  # frames shown / duration, measured, not the container's claim
    frames: int  # shown frames
    duration: float  # seconds
    start: float  # presentation time of the first frame, seconds
    longest_gap: float  # between two shown frames, seconds
    edit_list: bool  # more packets than shown frames: only PyAV reads such a file right
    keyframes: list[float]
