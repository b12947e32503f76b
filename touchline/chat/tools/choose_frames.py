"""The frame tool `choose_frames`: which frames are shown with the question and which a call
returns.
"""

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
    """Params section `budget`: how many frames may be seen. Shared by teacher, SFT, RL and
    evaluation.
    """

    first: int  # frames shown with the question
    call: int  # at most so many per call
    stride: float  # seconds between two frames of a call, at least
    calls: int  # at most so many calls
    width: int  # pixels
    height: int

    @property
    def max_frames(self) -> int:
        """Maximum number of frames over the whole conversation."""
        return self.first + self.calls * self.call


@dataclass(frozen=True)
class ClipFrames:
    """The times of a clip's stored frames (clip seconds, ascending) and a function that fetches
    their images.
    """

    times: np.ndarray
    fetch: FetchFrames
    clock_offset: float = (
        0.0  # what the clock of the dialogue shows at the clip's first frame, seconds
    )

    def pick_first_times(self, budget: FrameBudget) -> list[float]:
        """Times of the frames shown with the question: the stored frame nearest the middle of each
        of `budget.first` equal parts.
        """
        if not len(self.times):
            return []
        length = self.times[-1] + self._median_step
        target_times = (np.arange(budget.first) + 0.5) * length / budget.first
        return self._nearest_stored(target_times)

    def pick_call_times(self, start: float, end: float, budget: FrameBudget) -> list[float]:
        """Times of the frames a call returns: evenly spaced from `start` to `end`, at least
        `stride` apart, at most `budget.call`.
        """
        span = max(0.0, min(end, self.times[-1]) - max(start, self.times[0]))
        stride = max(budget.stride, span / max(budget.call - 1, 1), self._median_step)
        count = min(budget.call, int(span / stride + 1e-6) + 1)
        return self._nearest_stored(max(start, self.times[0]) + np.arange(count) * stride)

    @property
    def _median_step(self) -> float:
        return float(np.median(np.diff(self.times))) if len(self.times) > 1 else 1.0

    def _nearest_stored(self, target_times: np.ndarray) -> list[float]:
        nearest = np.abs(self.times[None, :] - target_times[:, None]).argmin(axis=1)
        return [float(t) for t in self.times[np.unique(nearest)]]


def build_frame_blocks(times: Sequence[float], clock_offset: float = 0.0) -> Blocks:
    """Content blocks for these frames: a text block with the time, then an image block {'type':
    'image', 'time': clip seconds}.
    """
    return [
        block
        for time in times
        for block in (
            {"type": "text", "text": format_time(clock_offset + time)},
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
    """One conversation's use of the frame tool: records windows, seen frames and refusals.
    Deterministic, so it can be replayed.
    """

    clip_frames: ClipFrames
    budget: FrameBudget

    def __post_init__(self) -> None:
        self.windows: list[tuple[float, float]] = []
        self.seen_times: list[float] = []
        self.faults: list[str] = []

    def open(self) -> Blocks:
        """The blocks of the frames shown with the question."""
        times = self.clip_frames.pick_first_times(self.budget)
        self.seen_times.extend(times)
        return build_frame_blocks(times, self.clip_frames.clock_offset)

    def call(self, start: Any, end: Any) -> Blocks:
        """The blocks a tool call returns; a refused call returns the reason as text and adds it to
        `faults`.
        """
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
            window_text = [format_time(self.clip_frames.clock_offset + time) for time in window]
            return f"Not a stretch of the clip: {window_text[0]} to {window_text[1]}."
        if window in self.windows:
            return REPEATED_REPLY
        if len(self.windows) >= self.budget.calls:
            return NO_MORE_CALLS_REPLY
        return ""


def format_tool_call(start: float, end: float) -> str:
    """The text of a tool call, as the model writes it."""
    arguments = json.dumps({"start": format_time(start), "end": format_time(end)})
    return f'<tool_call>\n{{"name": "{TOOL_NAME}", "arguments": {arguments}}}\n</tool_call>'


TOOL_CALL_PATTERN = re.compile(r"<tool_call>(.*?)</tool_call>", re.DOTALL)


def parse_tool_call(turn: str) -> tuple[Any, Any] | None:
    """(start, end) of the only tool call in a turn; None if there is none, several, or it does not
    fit the tool's schema.
    """
    calls = TOOL_CALL_PATTERN.findall(turn)
    if len(calls) != 1:
        return None
    try:  # the border to model output
        call = json.loads(calls[0])
        arguments = call["arguments"]
        is_valid = call["name"] == TOOL_NAME and set(arguments) == {"start", "end"}
        return (arguments["start"], arguments["end"]) if is_valid else None
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
