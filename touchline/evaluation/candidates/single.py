"""Floor candidate: a model shown only the clip's middle frame, whatever times it requests."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

from PIL.Image import Image

from touchline.chat.tools.choose_frames import ClipFrames
from touchline.evaluation.candidates.model import NamedModelCandidate


class SingleFrameCandidate(NamedModelCandidate):
    """The named model; it gets as many images as usual, all equal."""

    kind: Literal["single"]

    def transform_frames(self, reel: ClipFrames) -> ClipFrames:
        middle = [float(reel.times[len(reel.times) // 2])] if len(reel.times) else []

        def same(times: Sequence[float]) -> list[Image]:
            return reel.fetch(middle * len(times))

        return replace(reel, fetch=same)
