"""The frame tool: which frames a model sees first, and which a call of `choose_frames` brings."""

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL.Image import Image

from touchline.chat.timecode import heard, spoken
from touchline.config import Params

NAME = "choose_frames"
UNREAD = "Not a stretch of the clip: say minutes:seconds, twice."
NO_FRAMES = "There are no frames of this clip: answer now."
REPEATED = "You have seen this stretch already."
NO_MORE = "No more calls: answer now."
Blocks = list[dict[str, Any]]
Frames = Callable[[Sequence[float]], list[Image]]  # times of the clip -> pictures, budget's size


class Budget(Params):
    """What may be seen: one home for teacher, SFT, RL and evaluation."""

    first: int  # frames shown with the question
    call: int  # at most so many per call
    stride: float  # seconds between two frames of a call, at least
    calls: int  # at most so many calls
    width: int  # pixels
    height: int

    @property
    def most(self) -> int:
        """Frames in all, at most."""
        return self.first + self.calls * self.call


@dataclass(frozen=True)
class Reel:
    """The frame times a clip has in the store, in clip seconds, and how to fetch the pictures."""

    times: np.ndarray
    fetch: Frames
    zero: float = 0.0  # what the clock of the dialogue shows at the clip's first frame, seconds

    def first(self, budget: Budget) -> list[float]:
        """Uniform over the clip: the middle of each of `first` equal parts, as stored."""
        if not len(self.times):
            return []
        length = self.times[-1] + self._step
        wanted = (np.arange(budget.first) + 0.5) * length / budget.first
        return self._stored(wanted)

    def chosen(self, start: float, end: float, budget: Budget) -> list[float]:
        """Evenly from `start` to `end`, both included, `stride` apart at least, as stored."""
        span = max(0.0, min(end, self.times[-1]) - max(start, self.times[0]))
        stride = max(budget.stride, span / max(budget.call - 1, 1), self._step)
        count = min(budget.call, int(span / stride + 1e-6) + 1)
        return self._stored(max(start, self.times[0]) + np.arange(count) * stride)

    @property
    def _step(self) -> float:
        return float(np.median(np.diff(self.times))) if len(self.times) > 1 else 1.0

    def _stored(self, wanted: np.ndarray) -> list[float]:
        nearest = np.abs(self.times[None, :] - wanted[:, None]).argmin(axis=1)
        return [float(t) for t in self.times[np.unique(nearest)]]


def stamped(times: Sequence[float], zero: float = 0.0) -> Blocks:
    """Message blocks: each picture behind its time by the dialogue's clock.

    A picture is named by its second of the clip alone.
    """
    return [
        block
        for time in times
        for block in (
            {"type": "text", "text": spoken(zero + time)},
            {"type": "image", "time": time},
        )
    ]


def choose_frames(start: str, end: str) -> list:
    """Show more frames of one stretch of the clip.

    Args:
        start: where the stretch begins, minutes:seconds of the clip
        end: where the stretch ends, minutes:seconds of the clip
    """
    raise RuntimeError("only its schema is used; a viewing answers the call")


@dataclass
class Viewing:
    """One attempt's use of the tool: replayable, for equal calls return equal frames."""

    reel: Reel
    budget: Budget

    def __post_init__(self) -> None:
        self.windows: list[tuple[float, float]] = []
        self.seen: list[float] = []
        self.faults: list[str] = []

    def open(self) -> Blocks:
        """The frames that come with the question."""
        times = self.reel.first(self.budget)
        self.seen.extend(times)
        return stamped(times, self.reel.zero)

    def call(self, start: Any, end: Any) -> Blocks:
        """The frames of a call; a refused call returns its reason in words and is a fault."""
        refusal = self._refusal(start, end)
        if refusal:
            self.faults.append(refusal)
            return [{"type": "text", "text": refusal}]
        window = self._window(start, end)
        times = self.reel.chosen(*window, self.budget)
        self.windows.append(window)
        self.seen.extend(times)
        return stamped(times, self.reel.zero)

    def _window(self, start: Any, end: Any) -> tuple[float, float]:
        """What a call names, in clip seconds; ValueError when it names no times."""
        first, last = (heard(str(time)) - self.reel.zero for time in (start, end))
        return round(first, 6), round(last, 6)

    def _refusal(self, start: Any, end: Any) -> str:
        try:  # the border to model output: what cannot be read becomes data
            window = self._window(start, end)
        except (ValueError, RecursionError):
            return UNREAD
        if not len(self.reel.times):
            return NO_FRAMES
        if not 0 <= window[0] < window[1] or window[0] > self.reel.times[-1]:
            said = [spoken(self.reel.zero + time) for time in window]
            return f"Not a stretch of the clip: {said[0]} to {said[1]}."
        if window in self.windows:
            return REPEATED
        if len(self.windows) >= self.budget.calls:
            return NO_MORE
        return ""


def called(start: float, end: float) -> str:
    """A call in words, as a model writes it."""
    arguments = json.dumps({"start": spoken(start), "end": spoken(end)})
    return f'<tool_call>\n{{"name": "{NAME}", "arguments": {arguments}}}\n</tool_call>'


CALL = re.compile(r"<tool_call>(.*?)</tool_call>", re.DOTALL)


def read_call(turn: str) -> tuple[Any, Any] | None:
    """(start, end) of the one call in a turn; None when there is none that the tool would take."""
    found = CALL.findall(turn)
    if len(found) != 1:
        return None
    try:  # the border to model output
        call = json.loads(found[0])
        arguments = call["arguments"]
        known = call["name"] == NAME and set(arguments) == {"start", "end"}
        return (arguments["start"], arguments["end"]) if known else None
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
