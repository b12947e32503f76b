"""A line of commentary in the time of its clip."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)  # half a million of them: a third less memory
class Caption:
    """One line of commentary over a clip, in seconds from the clip's start."""

    id: str
    clip: str
    start: float
    end: float
    text: str
    origin: str
