"""How one talks with a model: in which words, by which clock, and whether it thinks aloud."""

from typing import Literal

from touchline.config import Params
from touchline.records.clip import Clip

PAPER_STYLE = "spotting-paper"


class Dialogue(Params):
    """One home for questions, teacher, training and evaluation.

    `spotting-paper` is the manner of "A Small Video-Language Model for Sparse Action Spotting":
    its own prompts, no system turn, and a bare answer: neither thoughts nor the frame tool.
    """

    style: Literal["thinking", "spotting-paper"]
    time: Literal["clip", "half"]  # what the times in words count from
    cut: bool  # intervals and lines of commentary end with their clip, or keep their own times

    @property
    def thinks(self) -> bool:
        return self.style == "thinking"

    def prompt_name(self, name: str) -> str:
        """The name of a prompt in this style."""
        return name if self.thinks else f"{self.style}/{name}"

    def clock_offset(self, clip: Clip) -> float:
        """What the clock shows at the clip's first frame, seconds, as exact as times in words."""
        return round(clip.start, 1) if self.time == "half" else 0.0


DEFAULT_DIALOGUE = Dialogue(style="thinking", time="clip", cut=True)
