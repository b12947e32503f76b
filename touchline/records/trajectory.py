"""A trajectory: one attempt at one question, replayable."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Trajectory:
    """One conversation that answers one question. Images are referenced by time, not stored, so
    that it can be replayed.
    """

    id: str
    question: str
    author: str  # teacher.scripted, base, sft, rl, floor.*
    split: str
    sport: str
    task: str
    match: str
    messages: str  # JSON; an image block is {"type": "image", "time": seconds of the clip}
    answer: str  # the text after the last thought
    score: float  # the task's verdict in [0, 1]
    valid: bool  # format kept
    windows: list[float]  # start, end, ... of the tool calls, in clip seconds
    frames: int  # frames seen in all
