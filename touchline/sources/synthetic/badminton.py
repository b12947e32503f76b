"""Synthetic badminton: a court from behind, and rallies of strokes from top and bottom in turn."""

from itertools import zip_longest

import numpy as np
from PIL import Image, ImageDraw

from touchline.sources.synthetic.drawing import HEIGHT, WHITE, WIDTH, Colour, noisy, plain, yuv
from touchline.sources.synthetic.match import Event, Point, moment
from touchline.sources.synthetic.show import Overlay, Show

MINUTE, EDGE = 60.0, 8.0  # seconds; a rally keeps this far from both ends of its minute
STROKE = 3.0  # seconds
FEWEST, MOST = 2, 5  # strokes of a rally
BANDS: dict[str, tuple[int, Colour]] = {  # label -> row of the picture, colour
    "Top stroke": (24, (40, 216, 232)),
    "Bottom stroke": (146, (246, 164, 24)),
}
BAND = 72  # rows
PHASES = 6  # pictures of one swing
PHRASES = {
    "Top stroke": ("A clear from the far side.", "Deep reply from the far court."),
    "Bottom stroke": ("A smash from the near side.", "Soft drop from the near court."),
}
CHATTER = (
    "They take a breath before the next one.",
    "The crowd loves this.",
    "Great footwork by both players.",
    "She checks the strings of her racket.",
    "The shuttle is changed once more.",
    "It is all about patience here.",
    "The umpire calls the score.",
    "A very close game so far.",
    "He wipes the sweat from his hands.",
    "The hall is full tonight.",
)


def plan(rng: np.random.Generator, half: int, seconds: float) -> list[Event]:
    """One whole rally in every minute that has room for the longest one."""
    events = []
    for start in np.arange(0, seconds, MINUTE):
        length = min(MINUTE, seconds - start)
        if length >= MOST * STROKE + 2 * EDGE:
            events += _rally(rng, half, start, length)
    return events


def points(rng: np.random.Generator, events: list[Event], seconds: float) -> list[Point]:
    """Who strikes last wins the rally."""
    last = [
        e
        for e, after in zip_longest(events, events[1:])
        if after is None or after.half != e.half or after.time > e.time + STROKE + 1
    ]
    return [Point(e.half, moment(e.time + STROKE / 2), e.team, 1) for e in last]


def ground(close: bool) -> Image.Image:
    """The court as a camera behind the base line sees it, or from the side of the net."""
    image = plain(HEIGHT, WIDTH, (44, 40, 66))
    draw = ImageDraw.Draw(image)
    if close:
        draw.rectangle((0, 70, WIDTH, HEIGHT), fill=(38, 92, 70))
        draw.line((0, 150, WIDTH, 150), fill=WHITE, width=3)
        return image
    draw.polygon([(128, 30), (269, 30), (350, 218), (47, 218)], fill=(38, 92, 70))
    for far, near in ((128, 47), (140, 72), (199, 199), (257, 325), (269, 350)):
        draw.line((far, 30, near, 218), fill=WHITE)
    for row, left, right in ((30, 128, 269), (92, 101, 296), (136, 82, 315), (218, 47, 350)):
        draw.line((left, row, right, row), fill=WHITE, width=2)
    draw.rectangle((88, 104, 309, 110), fill=(190, 190, 196))
    return image


def overlay(event: Event, rng: np.random.Generator) -> Overlay:
    """A bright band on the hitter's side, in it a racket that swings through an arc."""
    top, colour = BANDS[event.label]
    jitter, reach = rng.uniform(0.85, 1.0), rng.uniform(60, 300)
    images = [_swing(colour, jitter, reach, phase / (PHASES - 1)) for phase in range(PHASES)]
    return Overlay(top, [noisy(yuv(image), rng, 2.0) for image in images])


def _swing(colour: Colour, jitter: float, reach: float, part: float) -> Image.Image:
    image = plain(BAND, WIDTH, (0, 0, 0))
    image.paste(tuple(round(c * jitter) for c in colour), (0, 0, WIDTH, BAND))
    draw = ImageDraw.Draw(image)
    angle = np.pi * (0.15 + 0.7 * part)
    x, y = reach - 40 * np.cos(angle), 66 - 52 * np.sin(angle)
    draw.line((reach, 66, x, y), fill=(60, 30, 20), width=3)
    draw.ellipse((x - 9, y - 9, x + 9, y + 9), outline=(60, 30, 20), width=2)
    return image


def _rally(rng: np.random.Generator, half: int, start: float, length: float) -> list[Event]:
    strokes = int(rng.integers(FEWEST, MOST + 1))
    begin = rng.uniform(EDGE, length - EDGE - strokes * STROKE)
    serves = int(rng.integers(2))
    sides = [("Top stroke", "away"), ("Bottom stroke", "home")]
    return [
        Event(half, moment(start + begin + (i + 0.5) * STROKE), *sides[(serves + i) % 2])
        for i in range(strokes)
    ]


SHOW = Show(
    plan=plan,
    points=points,
    ground=ground,
    overlay=overlay,
    places={"Top stroke": (0.5, 0.2), "Bottom stroke": (0.5, 0.85)},
    homes=np.array([[0.5, 0.9], [0.5, 0.15]]),
    field=(120, 20, 260, 160),
    pull=0.1,
    ball=WHITE,
    player=36,
    phrases=PHRASES,
    chatter=CHATTER,
)
