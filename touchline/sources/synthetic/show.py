"""What the renderer must be told about a sport: ground, players, plan, overlays and words."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from PIL import Image

from touchline.sources.synthetic.drawing import Colour, Picture
from touchline.sources.synthetic.match import Event, Point


@dataclass(frozen=True)
class Overlay:
    """Pictures shown one after the other, evenly, while an action can be seen."""

    top: int  # row of the picture
    phases: list[Picture]


@dataclass(frozen=True)
class Show:
    """How one sport is played and filmed. Places are (x, y) in [0, 1] of the field."""

    plan: Callable[[np.random.Generator, int, float], list[Event]]  # half, seconds
    points: Callable[[np.random.Generator, list[Event], float], list[Point]]  # seconds of a half
    ground: Callable[[bool], Image.Image]  # of the close camera?
    overlay: Callable[[Event, np.random.Generator], Overlay]
    places: dict[str, tuple[float, float]]  # label -> where the ball then is, home attacking right
    homes: np.ndarray  # (players, 2), home team first
    field: tuple[int, int, int, int]  # left, top, right, bottom in pixels of the wide camera
    pull: float  # how far players lean towards the ball, 0 to 1
    ball: Colour
    player: int  # rows of a player, wide camera
    phrases: dict[str, tuple[str, ...]]  # label -> what a commentator says of it
    chatter: tuple[str, ...]
