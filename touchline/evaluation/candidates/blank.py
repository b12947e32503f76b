"""Floor candidate: a model shown black frames only, to measure what the text alone gives away."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

from PIL.Image import Image, new

from touchline.chat.tools.choose_frames import ClipFrames
from touchline.evaluation.candidates.model import NamedModelCandidate


class BlankFramesCandidate(NamedModelCandidate):
    """The named model; every frame it gets is black."""

    kind: Literal["blank"]

    def transform_frames(self, reel: ClipFrames) -> ClipFrames:
        def black(times: Sequence[float]) -> list[Image]:
            return [new("RGB", picture.size) for picture in reel.fetch(times[:1])] * len(times)

        return replace(reel, fetch=black)
