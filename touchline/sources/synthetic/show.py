"""What the renderer needs to know about a sport: field, players, event plan, overlays
and phrases.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from PIL import Image

from touchline.sources.synthetic.drawing import Colour, YuvPicture
from touchline.sources.synthetic.match import MatchEvent, ScoreChange


@dataclass(frozen=True)
class OverlayFrames:
    """Pictures drawn over the frame during an action, one after the other for equal times; `top` is
    their first row.
    """

    top: int  # row of the picture
    phases: list[YuvPicture]


@dataclass(frozen=True)
class RenderSpec:
    """How one sport is planned and rendered. Positions are (x, y) in [0, 1] of the field."""

    plan: Callable[[np.random.Generator, int, float], list[MatchEvent]]  # half, seconds
    points: Callable[
        [np.random.Generator, list[MatchEvent], float], list[ScoreChange]
    ]  # seconds of a half
    ground: Callable[[bool], Image.Image]  # of the close camera?
    overlay: Callable[[MatchEvent, np.random.Generator], OverlayFrames]
    places: dict[str, tuple[float, float]]  # label -> where the ball then is, home attacking right
    homes: np.ndarray  # (players, 2), home team first
    field: tuple[int, int, int, int]  # left, top, right, bottom in pixels of the wide camera
    pull: float  # how far players lean towards the ball, 0 to 1
    ball: Colour
    player: int  # rows of a player, wide camera
    phrases: dict[str, tuple[str, ...]]  # label -> what a commentator says of it
    chatter: tuple[str, ...]
