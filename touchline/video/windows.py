"""Where the clips of a video begin and end."""

from collections.abc import Iterator

Span = tuple[float, float, bool]  # start, end, shares frames with the clip before it


def spans(
    duration: float, seconds: float, stride: float, step: float, short: bool = False
) -> list[Span]:
    """Clips of `seconds`, a new one every `stride`, by start; together they cover the video.

    Tiles start at the multiples of `seconds` and never overlap. The rest after the last tile is
    a tile of its own from half a clip on; a shorter rest is covered by a full-length clip that
    ends with the video and overlaps, or with `short` is a tile of its own, too; a rest below
    `step`, the time between two stored frames, joins the last tile. A video shorter than `seconds`
    is one clip. Clips that start elsewhere overlap. All in seconds.
    """
    duration = round(duration, 6)  # as the ends are, else the last tile seems not to reach it
    found = {start: (end, False) for start, end in _tiles(duration, seconds, step, short)}
    for start in _every(stride, duration - seconds + step):
        found.setdefault(start, (_end(start + seconds, duration, step), True))
    covered = max(end for end, _ in found.values())
    if covered < duration:
        found.setdefault(round(duration - seconds, 6), (duration, True))
    return [(start, *found[start]) for start in sorted(found)]


def _tiles(
    duration: float, seconds: float, step: float, short: bool
) -> Iterator[tuple[float, float]]:
    for start in _every(seconds, duration):
        rest = duration - start
        if start == 0 or rest >= (step if short else seconds / 2):
            yield start, _end(start + seconds, duration, step)


def _every(stride: float, below: float) -> Iterator[float]:
    number = 0
    while (start := round(number * stride, 6)) < below:
        yield start
        number += 1


def _end(end: float, duration: float, step: float) -> float:
    """`end`, or the video's when less than a step is missing."""
    return round(duration if duration - end < step else end, 6)
