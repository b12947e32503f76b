"""The environment of a GRPO rollout in TRL: one clip, its question and the frame tool."""

from collections.abc import Mapping
from typing import Any

from touchline.chat.messages import build_messages, fetch_block_images
from touchline.chat.tools.choose_frames import Blocks, ClipFrames, FrameBudget, ToolSession
from touchline.model.pixels import Pixels, image_to_pixels
from touchline.records.question import Question


class ClipEnvironment:
    """TRL environment of one rollout. TRL exposes every public method except `reset` to the model
    as a tool.
    """

    def __init__(
        self,
        questions: Mapping[str, Question],
        reels: Mapping[str, ClipFrames],
        budget: FrameBudget,
    ) -> None:
        self._questions, self._reels, self._budget = questions, reels, budget

    def reset(self, question: str, **_: Any) -> list:
        """Start a rollout: returns the user message's content (first frames and question), which
        TRL puts into the empty prompt.
        """
        self._question = self._questions[question]
        self._reel = self._reels[self._question.clip]
        self._viewing = ToolSession(self._reel, self._budget)
        self._opening = self._viewing.open()
        self._shown: list[list[Pixels]] = []  # the frames of each turn, as they left the tool
        return build_messages(self._question, self._fetch_images(self._opening))[-1]["content"]

    def choose_frames(self, start: str, end: str) -> list:
        """Show more frames of one stretch of the clip.

        Args:
            start: where the stretch begins, minutes:seconds of the clip
            end: where the stretch ends, minutes:seconds of the clip
        """
        return self._fetch_images(self._viewing.call(start, end))

    def _fetch_images(self, blocks: Blocks) -> Blocks:
        blocks_with_images = fetch_block_images(blocks, self._reel)
        self._shown.append(
            [image_to_pixels(b["image"]) for b in blocks_with_images if b["type"] == "image"]
        )
        return blocks_with_images
