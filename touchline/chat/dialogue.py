"""Settings of the conversation with a model: prompt style, what times count from,
thinking or not.
"""

from typing import Literal

from touchline.config import Params
from touchline.records.clip import Clip

PAPER_STYLE = "spotting-paper"


class Dialogue(Params):
    """Params section `dialogue`, shared by questions, teacher, training and evaluation.

    Style `spotting-paper` follows 'A Small Video-Language Model for Sparse Action Spotting': its
    own prompts, no system turn, and an answer without thoughts and without the frame tool.
    """

    style: Literal["thinking", "spotting-paper"]
    time: Literal["clip", "half"]  # what the times in words count from
    cut: bool  # intervals and lines of commentary end with their clip, or keep their own times

    @property
    def thinks(self) -> bool:
        return self.style == "thinking"

    def prompt_name(self, name: str) -> str:
        """File name of the prompt `name` in this style, for `read_prompt` and `render_prompt`."""
        return name if self.thinks else f"{self.style}/{name}"

    def clock_offset(self, clip: Clip) -> float:
        """The time that is written for the clip's first frame, in seconds: its start rounded to 0.1
        s if times count from the half, otherwise 0.
        """
        return round(clip.start, 1) if self.time == "half" else 0.0


DEFAULT_DIALOGUE = Dialogue(style="thinking", time="clip", cut=True)
