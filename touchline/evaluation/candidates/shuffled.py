"""Floor: a model over the clip's own pictures in another order: what it knows without time."""

from collections.abc import Sequence
from dataclasses import replace
from random import Random
from typing import Literal

from PIL.Image import Image

from touchline.chat.tools.choose_frames import Reel
from touchline.evaluation.candidates.model import Named

SEED = 7  # of the order, which is the same for clips of as many frames


class Shuffled(Named):
    """The model that is named; each time of the clip shows the picture of another one."""

    kind: Literal["shuffled"]

    def looking(self, reel: Reel) -> Reel:
        times = [float(time) for time in reel.times]
        other = dict(zip(times, Random(SEED).sample(times, len(times)), strict=True))

        def shuffled(wanted: Sequence[float]) -> list[Image]:
            return reel.fetch([other[time] for time in wanted])

        return replace(reel, fetch=shuffled)
