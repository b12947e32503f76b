"""Pictures in YUV 4:2:0, painted straight into the planes that the encoder reads."""

from dataclasses import dataclass
from functools import cache

import numpy as np
from PIL import Image, ImageDraw, ImageFont

WIDTH, HEIGHT = 398, 224
Colour = tuple[int, int, int]
WHITE: Colour = (240, 240, 240)
INK: Colour = (14, 14, 18)

# Rows Y, U, V of ITU-R BT.601, limited range: what a decoder assumes of a file this small.
BT601 = np.array(
    [[65.481, 128.553, 24.966], [-37.797, -74.203, 112.0], [112.0, -93.786, -18.214]]
).T
OFFSET = np.array([16.0, 128.0, 128.0])


@dataclass(frozen=True)
class Picture:
    """Three uint8 planes; `u` and `v` have half the rows and columns of `y`."""

    y: np.ndarray
    u: np.ndarray
    v: np.ndarray


def yuv(image: Image.Image | np.ndarray) -> Picture:
    """Convert RGB of even height and width; chroma is the mean of 2x2 pixels."""
    planes = np.asarray(image, dtype=np.float64)[..., :3] / 255 @ BT601 + OFFSET
    high, wide = planes.shape[0] // 2, planes.shape[1] // 2
    chroma = planes[..., 1:].reshape(high, 2, wide, 2, 2).mean(axis=(1, 3))
    return Picture(_bytes(planes[..., 0]), _bytes(chroma[..., 0]), _bytes(chroma[..., 1]))


def noisy(picture: Picture, rng: np.random.Generator, sigma: float) -> Picture:
    """The same picture through a noisy sensor: grain in the brightness, none in the colour."""
    grain = rng.normal(0, sigma, picture.y.shape)
    return Picture(_bytes(picture.y + grain), picture.u, picture.v)


def paint(onto: Picture, what: Picture, top: int, left: int) -> None:
    """Copy `what` onto a picture; `top` and `left` are even."""
    high, wide = what.y.shape
    onto.y[top : top + high, left : left + wide] = what.y
    top, left, high, wide = top // 2, left // 2, high // 2, wide // 2
    onto.u[top : top + high, left : left + wide] = what.u
    onto.v[top : top + high, left : left + wide] = what.v


def plain(high: int, wide: int, colour: Colour) -> Image.Image:
    return Image.new("RGB", (wide, high), colour)


@cache
def font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """The font that ships with Pillow: the same pixels on every machine."""
    return ImageFont.load_default(size)


def write(image: Image.Image, text: str, size: int, colour: Colour) -> None:
    """Write in the middle of the image."""
    middle = (image.width / 2, image.height / 2)
    ImageDraw.Draw(image).text(middle, text, fill=colour, font=font(size), anchor="mm")


def _bytes(plane: np.ndarray) -> np.ndarray:
    return np.clip(np.rint(plane), 16, 240).astype(np.uint8)
