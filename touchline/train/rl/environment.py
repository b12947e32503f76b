"""What a rollout of TRL's GRPO plays in: one clip, its question and the frame tool."""

from collections.abc import Mapping
from typing import Any

from touchline.chat.messages import asked, pictured
from touchline.chat.tools.choose_frames import Blocks, Budget, Reel, Viewing
from touchline.model.pixels import Pixels, pixels_of
from touchline.records import Question


class Clips:
    """One rollout's view of its clip. Public methods are the model's tools (TRL's rule)."""

    def __init__(
        self, questions: Mapping[str, Question], reels: Mapping[str, Reel], budget: Budget
    ) -> None:
        self._questions, self._reels, self._budget = questions, reels, budget

    def reset(self, question: str, **_: Any) -> list:
        """The user's turn: first frames and question, which TRL puts into the empty prompt."""
        self._question = self._questions[question]
        self._reel = self._reels[self._question.clip]
        self._viewing = Viewing(self._reel, self._budget)
        self._opening = self._viewing.open()
        self._shown: list[list[Pixels]] = []  # the frames of each turn, as they left the tool
        return asked(self._question, self._pictured(self._opening))[-1]["content"]

    def choose_frames(self, start: str, end: str) -> list:
        """Show more frames of one stretch of the clip.

        Args:
            start: where the stretch begins, minutes:seconds of the clip
            end: where the stretch ends, minutes:seconds of the clip
        """
        return self._pictured(self._viewing.call(start, end))

    def _pictured(self, blocks: Blocks) -> Blocks:
        found = pictured(blocks, self._reel)
        self._shown.append([pixels_of(b["image"]) for b in found if b["type"] == "image"])
        return found
