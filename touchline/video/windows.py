"""Where the clips of a video start and end."""

from collections.abc import Iterator

ClipWindow = tuple[float, float, bool]  # start, end, shares frames with the clip before it


def plan_clip_windows(
    duration: float, seconds: float, stride: float, step: float, short: bool = False
) -> list[ClipWindow]:
    """Clip windows of `seconds`, a new one every `stride` seconds, sorted by start; together they
    cover the video. Returns (start, end, overlaps the clip before) in seconds.

    Tiles start at multiples of `seconds` and do not overlap. A remainder of at least half a clip is
    its own tile; a shorter one is covered by a full-length, overlapping clip that ends with the
    video, or is its own tile if `short`. A remainder below `step`, the time between two stored
    frames, joins the last tile. A video shorter than `seconds` is one clip. Clips that start
    elsewhere count as overlapping.
    """
    duration = round(duration, 6)  # as the ends are, else the last tile seems not to reach it
    window_by_start = {
        start: (end, False) for start, end in _list_tiles(duration, seconds, step, short)
    }
    for start in _list_multiples(stride, duration - seconds + step):
        window_by_start.setdefault(start, (_snap_end(start + seconds, duration, step), True))
    covered = max(end for end, _ in window_by_start.values())
    if covered < duration:
        window_by_start.setdefault(round(duration - seconds, 6), (duration, True))
    return [(start, *window_by_start[start]) for start in sorted(window_by_start)]


def _list_tiles(
    duration: float, seconds: float, step: float, short: bool
) -> Iterator[tuple[float, float]]:
    for start in _list_multiples(seconds, duration):
        remaining = duration - start
        if start == 0 or remaining >= (step if short else seconds / 2):
            yield start, _snap_end(start + seconds, duration, step)


def _list_multiples(stride: float, below: float) -> Iterator[float]:
    number = 0
    while (start := round(number * stride, 6)) < below:
        yield start
        number += 1


def _snap_end(end: float, duration: float, step: float) -> float:
    """`end`, or the end of the video if less than a step is left after it."""
    return round(duration if duration - end < step else end, 6)
