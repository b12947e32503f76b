"""Floor: a model over black pictures, as many as it asks for: what the words alone give away."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

from PIL.Image import Image, new

from touchline.chat.tools.choose_frames import Reel
from touchline.evaluation.candidates.model import Named


class Blank(Named):
    """The model that is named, shown nothing."""

    kind: Literal["blank"]

    def looking(self, reel: Reel) -> Reel:
        def black(times: Sequence[float]) -> list[Image]:
            return [new("RGB", picture.size) for picture in reel.fetch(times[:1])] * len(times)

        return replace(reel, fetch=black)
