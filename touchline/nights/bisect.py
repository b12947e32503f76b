"""Find the first run in a lineage where a score fell, asking as few models as possible."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from touchline.faults import BadInput

Run = TypeVar("Run")


def first_bad(runs: Sequence[Run], bad: Callable[[Run], bool]) -> int:
    """The place of the first bad one between runs[0], which is good, and runs[-1], which is bad.

    Asks about log2(n) runs; where the score fell, rose and fell again, one of the falls is found.
    """
    if len(runs) < 2:
        raise BadInput("bisect", "needs a good run and a later bad one", "see `touchline runs`")
    good, fallen = 0, len(runs) - 1
    while fallen - good > 1:
        middle = (good + fallen) // 2
        good, fallen = (good, middle) if bad(runs[middle]) else (middle, fallen)
    return fallen


def changed(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """What differs, by key: (before, after), None where a side lacks it."""
    return {
        key: (before.get(key), after.get(key))
        for key in sorted({*before, *after})
        if before.get(key) != after.get(key)
    }
