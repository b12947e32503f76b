"""Generate commentary that names about half of the events, some actions that do not happen, and
filler lines in between.
"""

from collections.abc import Sequence

import numpy as np

from touchline.sources.synthetic.match import MatchEvent
from touchline.sources.synthetic.show import RenderSpec

CommentaryLine = tuple[float, float, str]  # start and end in seconds, text

PAUSE = (5.0, 9.0)  # seconds from the start of a line to the start of the next
LENGTH = (3.0, 5.0)  # seconds a line lasts: never longer than the shortest pause
NAMED_SHARE = 0.5  # share of events that a line names
NAMED_DELAY = (-2.0, 8.0)  # seconds from the event to the start of the line that names it
STRAY_SHARE = 0.15  # share of lines that name an action which does not happen then
STRAY_DISTANCE = 25.0  # seconds from a stray line to the next real action of that name
LOOKING_BACK = ("Remember last week. {}", "Just like in the first minutes: {}", "As last year: {}")


def generate_commentary_lines(
    rng: np.random.Generator, show: RenderSpec, events: Sequence[MatchEvent], seconds: float
) -> list[CommentaryLine]:
    """Return the commentary lines of a half, in order of time and without overlap."""
    times = _line_times(rng, seconds)
    event_by_line = _assign_events(rng, events, [start for start, _ in times])
    return [
        (start, end, _line_text(rng, show, events, start, event_by_line.get(index)))
        for index, (start, end) in enumerate(times)
    ]


def _line_times(rng: np.random.Generator, seconds: float) -> list[tuple[float, float]]:
    times, start = [], rng.uniform(0.5, 5)
    while start + LENGTH[1] < seconds:
        times.append((round(start, 2), round(start + rng.uniform(*LENGTH), 2)))
        start += rng.uniform(*PAUSE)
    return times


def _assign_events(
    rng: np.random.Generator, events: Sequence[MatchEvent], starts: Sequence[float]
) -> dict[int, MatchEvent]:
    """Line index -> the event it names."""
    event_by_line: dict[int, MatchEvent] = {}
    for event in events:
        free = [
            index
            for index, start in enumerate(starts)
            if NAMED_DELAY[0] <= start - event.time <= NAMED_DELAY[1] and index not in event_by_line
        ]
        if rng.random() < NAMED_SHARE and free:
            event_by_line[free[int(rng.integers(len(free)))]] = event
    return event_by_line


def _line_text(
    rng: np.random.Generator,
    show: RenderSpec,
    events: Sequence[MatchEvent],
    start: float,
    event: MatchEvent | None,
) -> str:
    if event is not None:
        return _pick(rng, show.phrases[event.label])
    near = {e.label for e in events if abs(e.time - start) < STRAY_DISTANCE}
    absent = [label for label in show.phrases if label not in near]
    if rng.random() < STRAY_SHARE and absent:
        phrase = _pick(rng, show.phrases[_pick(rng, absent)])
        return _pick(rng, LOOKING_BACK).format(phrase)
    return _pick(rng, show.chatter)


def _pick(rng: np.random.Generator, choices: Sequence[str]) -> str:
    return choices[int(rng.integers(len(choices)))]
