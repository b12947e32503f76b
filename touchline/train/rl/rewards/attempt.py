"""What every reward is given: the facts of one judged attempt."""

from dataclasses import dataclass

from touchline.metrics.temporal_iou import Interval


@dataclass(frozen=True)
class Judged:
    """One attempt at one question; times in clip seconds."""

    accuracy: float  # the task's own score, in [0, 1]
    closeness: float  # the same on the task's finer scale, in [0, 1]
    kept: bool  # thoughts, calls and answer in the agreed format, no call refused
    again: bool  # asked the tool for the very window that it had shown
    windows: tuple[Interval, ...]  # that the tool showed
    evidence: tuple[Interval, ...]  # where the truth can be seen; none for an absent action
    direct: bool  # the model before RL answers the question from the first frames alone

    @property
    def called(self) -> bool:
        return bool(self.windows)
