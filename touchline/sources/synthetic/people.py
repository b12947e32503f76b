"""Players and ball: many small pictures put down at once, and the paths they take."""

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

from touchline.sources.synthetic.canvas import WHITE, Colour, Picture, yuv

SKIN: Colour = (196, 148, 116)


@dataclass(frozen=True)
class Stamp:
    """Sprites of one silhouette, one per player, painted with one index per plane."""

    size: tuple[int, int]  # rows, columns
    rows: np.ndarray  # (pixels,) of the silhouette
    columns: np.ndarray
    y: np.ndarray  # (players, pixels)
    chroma_rows: np.ndarray
    chroma_columns: np.ndarray
    u: np.ndarray  # (players, chroma pixels)
    v: np.ndarray

    def put(self, onto: Picture, tops: np.ndarray, lefts: np.ndarray) -> None:
        """Paint every player whose whole sprite lies inside the picture."""
        high, wide = onto.y.shape
        seen = (tops >= 0) & (tops < high - self.size[0])
        seen &= (lefts >= 0) & (lefts < wide - self.size[1])
        tops, lefts = tops[seen, None], lefts[seen, None]
        onto.y[tops + self.rows, lefts + self.columns] = self.y[seen]
        where = tops // 2 + self.chroma_rows, lefts // 2 + self.chroma_columns
        onto.u[where], onto.v[where] = self.u[seen], self.v[seen]


def stamp(sprites: list[Image.Image]) -> Stamp:
    """Make a stamp of RGBA sprites of one silhouette and one even size."""
    opaque = np.asarray(sprites[0])[..., 3] > 0
    coarse = opaque[::2, ::2]
    planes = [yuv(sprite) for sprite in sprites]
    rows, columns = np.nonzero(opaque)
    chroma_rows, chroma_columns = np.nonzero(coarse)
    return Stamp(
        size=(opaque.shape[0], opaque.shape[1]),
        rows=rows,
        columns=columns,
        y=np.stack([p.y[opaque] for p in planes]),
        chroma_rows=chroma_rows,
        chroma_columns=chroma_columns,
        u=np.stack([p.u[coarse] for p in planes]),
        v=np.stack([p.v[coarse] for p in planes]),
    )


def player(high: int, kit: Colour, shorts: Colour) -> Image.Image:
    """A standing figure, half as wide as high."""
    wide = high // 2 // 2 * 2
    image = Image.new("RGBA", (wide, high), (0, 0, 0, 0))
    draw = ImageDraw.Draw(image)
    draw.rectangle((wide // 3, 0, wide - 1 - wide // 3, high // 4), fill=SKIN)
    draw.rectangle((0, high // 5, wide - 1, high * 3 // 5), fill=kit)
    draw.rectangle((wide // 6, high * 3 // 5, wide - 1 - wide // 6, high * 4 // 5), fill=shorts)
    draw.rectangle((wide // 6, high * 4 // 5, wide - 1 - wide // 6, high - 1), fill=SKIN)
    return image


def teams(high: int, each: int, kits: tuple[Colour, Colour]) -> Stamp:
    """`each` players of the first kit, then as many of the second."""
    dark: Colour = (30, 30, 40)
    first, second = player(high, kits[0], WHITE), player(high, kits[1], dark)
    return stamp([first] * each + [second] * each)


def ball(size: int, colour: Colour) -> Stamp:
    image = Image.new("RGBA", (size, size), (0, 0, 0, 0))
    ImageDraw.Draw(image).ellipse((0, 0, size - 1, size - 1), fill=colour)
    return stamp([image])


def path(knots: list[tuple[float, float, float]], times: np.ndarray) -> np.ndarray:
    """Positions (times, 2) on straight lines through knots (time, x, y) in order of time."""
    when, x, y = np.array(sorted(knots)).T
    return np.stack([np.interp(times, when, x), np.interp(times, when, y)], axis=1)


def follow(
    rng: np.random.Generator, homes: np.ndarray, target: np.ndarray, times: np.ndarray, pull: float
) -> np.ndarray:
    """Positions (times, players, 2): each roams about its home and leans towards the ball."""
    steps = np.arange(0, times[-1] + 3, 2.5)
    roam = rng.uniform(-0.06, 0.06, (len(homes), 2, len(steps)))
    wobble = np.stack([[np.interp(times, steps, axis) for axis in one] for one in roam]).transpose(
        2, 0, 1
    )
    return np.clip(homes * (1 - pull) + target[:, None, :] * pull + wobble, 0, 1)
