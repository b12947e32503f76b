"""Floor: a model that is shown the middle frame of the clip wherever it looks."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

from PIL.Image import Image

from touchline.chat.tools.choose_frames import Reel
from touchline.evaluation.candidates.model import Named


class Single(Named):
    """The model that is named; it gets as many pictures as ever, all alike."""

    kind: Literal["single"]

    def looking(self, reel: Reel) -> Reel:
        middle = [float(reel.times[len(reel.times) // 2])] if len(reel.times) else []

        def same(times: Sequence[float]) -> list[Image]:
            return reel.fetch(middle * len(times))

        return replace(reel, fetch=same)
