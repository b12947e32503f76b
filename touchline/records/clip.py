"""A clip: a stretch of a video with its frames in the frame store."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Clip:
    """A time interval of a video, the unit that questions are asked about. Its frames are in the
    frame store.
    """

    id: str  # video@start-end
    video: str
    source: str
    sport: str
    match: str
    licence: str
    terms: str
    start: float  # seconds from the first frame of the video
    end: float
    frames: int  # how many the store holds for it; 0 when its video is not here
    overlaps: bool  # shares frames with the clip before it: for training only
