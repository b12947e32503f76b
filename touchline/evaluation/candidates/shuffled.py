"""Floor candidate: a model shown the clip's frames in shuffled order, to measure what it knows
without time.
"""

from collections.abc import Sequence
from dataclasses import replace
from random import Random
from typing import Literal

from PIL.Image import Image

from touchline.chat.tools.choose_frames import ClipFrames
from touchline.evaluation.candidates.model import NamedModelCandidate

SHUFFLE_SEED = 7  # of the order, which is the same for clips of as many frames


class ShuffledFramesCandidate(NamedModelCandidate):
    """The named model; each time of the clip shows the frame of another time."""

    kind: Literal["shuffled"]

    def transform_frames(self, reel: ClipFrames) -> ClipFrames:
        times = [float(time) for time in reel.times]
        other = dict(zip(times, Random(SHUFFLE_SEED).sample(times, len(times)), strict=True))

        def shuffled(requested_times: Sequence[float]) -> list[Image]:
            return reel.fetch([other[time] for time in requested_times])

        return replace(reel, fetch=shuffled)
