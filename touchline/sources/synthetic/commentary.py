"""Commentary that names half of what happens, some things that do not, and chatter in between."""

from collections.abc import Sequence

import numpy as np

from touchline.sources.synthetic.match import Event
from touchline.sources.synthetic.show import Show

Line = tuple[float, float, str]  # start and end in seconds, text

PAUSE = (5.0, 9.0)  # seconds from the start of a line to the start of the next
LENGTH = (3.0, 5.0)  # seconds a line lasts: never longer than the shortest pause
NAMED = 0.5  # share of events that a line names
AROUND = (-2.0, 8.0)  # seconds from the event to the start of the line that names it
STRAY = 0.15  # share of lines that name an action which does not happen then
APART = 25.0  # seconds from a stray line to the next real action of that name
LOOKING_BACK = ("Remember last week. {}", "Just like in the first minutes: {}", "As last year: {}")


def lines(
    rng: np.random.Generator, show: Show, events: Sequence[Event], seconds: float
) -> list[Line]:
    """The lines of a half, in order of time and without overlap."""
    times = _times(rng, seconds)
    named = _named(rng, events, [start for start, _ in times])
    return [
        (start, end, _text(rng, show, events, start, named.get(index)))
        for index, (start, end) in enumerate(times)
    ]


def _times(rng: np.random.Generator, seconds: float) -> list[tuple[float, float]]:
    times, start = [], rng.uniform(0.5, 5)
    while start + LENGTH[1] < seconds:
        times.append((round(start, 2), round(start + rng.uniform(*LENGTH), 2)))
        start += rng.uniform(*PAUSE)
    return times


def _named(
    rng: np.random.Generator, events: Sequence[Event], starts: Sequence[float]
) -> dict[int, Event]:
    """Line index -> the event it names."""
    named: dict[int, Event] = {}
    for event in events:
        free = [
            index
            for index, start in enumerate(starts)
            if AROUND[0] <= start - event.time <= AROUND[1] and index not in named
        ]
        if rng.random() < NAMED and free:
            named[free[int(rng.integers(len(free)))]] = event
    return named


def _text(
    rng: np.random.Generator,
    show: Show,
    events: Sequence[Event],
    start: float,
    event: Event | None,
) -> str:
    if event is not None:
        return _pick(rng, show.phrases[event.label])
    near = {e.label for e in events if abs(e.time - start) < APART}
    absent = [label for label in show.phrases if label not in near]
    if rng.random() < STRAY and absent:
        phrase = _pick(rng, show.phrases[_pick(rng, absent)])
        return _pick(rng, LOOKING_BACK).format(phrase)
    return _pick(rng, show.chatter)


def _pick(rng: np.random.Generator, choices: Sequence[str]) -> str:
    return choices[int(rng.integers(len(choices)))]
