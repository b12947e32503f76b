"""The frame tool: which frames a model sees first, and which a call of `choose_frames` brings."""

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL.Image import Image

from touchline.chat.timecode import format_time, parse_time
from touchline.config import Params

TOOL_NAME = "choose_frames"
UNREADABLE_REPLY = "Not a stretch of the clip: say minutes:seconds, twice."
NO_FRAMES_REPLY = "There are no frames of this clip: answer now."
REPEATED_REPLY = "You have seen this stretch already."
NO_MORE_CALLS_REPLY = "No more calls: answer now."
Blocks = list[dict[str, Any]]
FetchFrames = Callable[
    [Sequence[float]], list[Image]
]  # times of the clip -> pictures, budget's size


class FrameBudget(Params):
    """What may be seen: one home for teacher, SFT, RL and evaluation."""

    first: int  # frames shown with the question
    call: int  # at most so many per call
    stride: float  # seconds between two frames of a call, at least
    calls: int  # at most so many calls
    width: int  # pixels
    height: int

    @property
    def max_frames(self) -> int:
        """Frames in all, at most."""
        return self.first + self.calls * self.call


@dataclass(frozen=True)
class ClipFrames:
    """The frame times a clip has in the store, in clip seconds, and how to fetch the pictures."""

    times: np.ndarray
    fetch: FetchFrames
    clock_offset: float = (
        0.0  # what the clock of the dialogue shows at the clip's first frame, seconds
    )

    def pick_first_times(self, budget: FrameBudget) -> list[float]:
        """Uniform over the clip: the middle of each of `first` equal parts, as stored."""
        if not len(self.times):
            return []
        length = self.times[-1] + self._median_step
        wanted = (np.arange(budget.first) + 0.5) * length / budget.first
        return self._nearest_stored(wanted)

    def pick_call_times(self, start: float, end: float, budget: FrameBudget) -> list[float]:
        """Evenly from `start` to `end`, both included, `stride` apart at least, as stored."""
        span = max(0.0, min(end, self.times[-1]) - max(start, self.times[0]))
        stride = max(budget.stride, span / max(budget.call - 1, 1), self._median_step)
        count = min(budget.call, int(span / stride + 1e-6) + 1)
        return self._nearest_stored(max(start, self.times[0]) + np.arange(count) * stride)

    @property
    def _median_step(self) -> float:
        return float(np.median(np.diff(self.times))) if len(self.times) > 1 else 1.0

    def _nearest_stored(self, wanted: np.ndarray) -> list[float]:
        nearest = np.abs(self.times[None, :] - wanted[:, None]).argmin(axis=1)
        return [float(t) for t in self.times[np.unique(nearest)]]


def build_frame_blocks(times: Sequence[float], zero: float = 0.0) -> Blocks:
    """Message blocks: each picture behind its time by the dialogue's clock.

    A picture is named by its second of the clip alone.
    """
    return [
        block
        for time in times
        for block in (
            {"type": "text", "text": format_time(zero + time)},
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
class ToolSession:
    """One attempt's use of the tool: replayable, for equal calls return equal frames."""

    clip_frames: ClipFrames
    budget: FrameBudget

    def __post_init__(self) -> None:
        self.windows: list[tuple[float, float]] = []
        self.seen_times: list[float] = []
        self.faults: list[str] = []

    def open(self) -> Blocks:
        """The frames that come with the question."""
        times = self.clip_frames.pick_first_times(self.budget)
        self.seen_times.extend(times)
        return build_frame_blocks(times, self.clip_frames.clock_offset)

    def call(self, start: Any, end: Any) -> Blocks:
        """The frames of a call; a refused call returns its reason in words and is a fault."""
        refusal = self._refusal(start, end)
        if refusal:
            self.faults.append(refusal)
            return [{"type": "text", "text": refusal}]
        window = self._window(start, end)
        times = self.clip_frames.pick_call_times(*window, self.budget)
        self.windows.append(window)
        self.seen_times.extend(times)
        return build_frame_blocks(times, self.clip_frames.clock_offset)

    def _window(self, start: Any, end: Any) -> tuple[float, float]:
        """What a call names, in clip seconds; ValueError when it names no times."""
        first, last = (
            parse_time(str(time)) - self.clip_frames.clock_offset for time in (start, end)
        )
        return round(first, 6), round(last, 6)

    def _refusal(self, start: Any, end: Any) -> str:
        try:  # the border to model output: what cannot be read becomes data
            window = self._window(start, end)
        except (ValueError, RecursionError):
            return UNREADABLE_REPLY
        if not len(self.clip_frames.times):
            return NO_FRAMES_REPLY
        if not 0 <= window[0] < window[1] or window[0] > self.clip_frames.times[-1]:
            said = [format_time(self.clip_frames.clock_offset + time) for time in window]
            return f"Not a stretch of the clip: {said[0]} to {said[1]}."
        if window in self.windows:
            return REPEATED_REPLY
        if len(self.windows) >= self.budget.calls:
            return NO_MORE_CALLS_REPLY
        return ""


def format_tool_call(start: float, end: float) -> str:
    """A call in words, as a model writes it."""
    arguments = json.dumps({"start": format_time(start), "end": format_time(end)})
    return f'<tool_call>\n{{"name": "{TOOL_NAME}", "arguments": {arguments}}}\n</tool_call>'


TOOL_CALL_PATTERN = re.compile(r"<tool_call>(.*?)</tool_call>", re.DOTALL)


def parse_tool_call(turn: str) -> tuple[Any, Any] | None:
    """(start, end) of the one call in a turn; None when there is none that the tool would take."""
    found = TOOL_CALL_PATTERN.findall(turn)
    if len(found) != 1:
        return None
    try:  # the border to model output
        call = json.loads(found[0])
        arguments = call["arguments"]
        known = call["name"] == TOOL_NAME and set(arguments) == {"start", "end"}
        return (arguments["start"], arguments["end"]) if known else None
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
