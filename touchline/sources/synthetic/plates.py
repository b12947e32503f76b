"""The lower third that shows what happens: left and right half coloured, the pair is the word."""

import numpy as np
from PIL import Image

from touchline.sources.synthetic.canvas import (
    HEIGHT,
    INK,
    WHITE,
    WIDTH,
    Colour,
    Picture,
    noisy,
    plain,
    write,
    yuv,
)

RED: Colour = (226, 24, 28)
YELLOW: Colour = (240, 222, 20)
BLUE: Colour = (24, 48, 226)
MAGENTA: Colour = (222, 28, 214)
CYAN: Colour = (24, 214, 226)
BLACK: Colour = (12, 12, 14)
PALE: Colour = (236, 236, 236)

PLATE = 84  # rows: 37.5 % of the picture
TOP = HEIGHT - PLATE
NAME = (22, 190)  # rows and columns of the strip with the word


def plate(word: str, pair: tuple[Colour, Colour], rng: np.random.Generator) -> Picture:
    """The plate of a word; its brightness differs a little each time it is shown."""
    jitter = rng.uniform(0.85, 1.0)
    image = plain(PLATE, WIDTH, _dim(pair[0], jitter))
    image.paste(_dim(pair[1], jitter), (WIDTH // 2, 0, WIDTH, PLATE))
    image.paste(_name(word), ((WIDTH - NAME[1]) // 2, (PLATE - NAME[0]) // 2))
    return noisy(yuv(image), rng, 2.0)


def _name(word: str) -> Image.Image:
    strip = plain(*NAME, INK)
    write(strip, word.upper(), 14, WHITE)
    return strip


def _dim(colour: Colour, factor: float) -> Colour:
    red, green, blue = (round(channel * factor) for channel in colour)
    return red, green, blue
