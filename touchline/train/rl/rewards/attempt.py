"""The facts about one scored attempt that rewards are computed from."""

from dataclasses import dataclass

from touchline.metrics.temporal_iou import Interval


@dataclass(frozen=True)
class AttemptFacts:
    """One attempt at one question; times in clip seconds."""

    accuracy: float  # the task's own score, in [0, 1]
    closeness: float  # the same on the task's finer scale, in [0, 1]
    format_kept: bool  # thoughts, calls and answer in the agreed format, no call refused
    repeated_window: bool  # asked the tool for the very window that it had shown
    windows: tuple[Interval, ...]  # that the tool showed
    evidence: tuple[Interval, ...]  # where the truth can be seen; none for an absent action
    direct: bool  # the model before RL answers the question from the first frames alone

    @property
    def called_tool(self) -> bool:
        return bool(self.windows)
