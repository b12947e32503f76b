"""When a frame that a label counts is shown, in seconds."""

from touchline.records import Video

SAME = 0.01  # rates that differ less are the same: files say 30 for 29.97


def seconds(frame: float, fps: float, video: Video) -> float:
    """The time of a frame counted at the stated `fps`.

    Where the video runs at that rate, its measured one counts, since rounding drifts by 3.6 s an
    hour between 29.97 and 30; a video at another rate is a re-encoding, in which time stayed.
    """
    same = video.frames > 0 and abs(video.fps / fps - 1) <= SAME
    return round(frame / (video.fps if same else fps), 6)
