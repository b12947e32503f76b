"""Synthetic badminton: a court seen from behind, and rallies of alternating strokes from the top
and the bottom side.
"""

from itertools import zip_longest

import numpy as np
from PIL import Image, ImageDraw

from touchline.sources.synthetic.drawing import (
    HEIGHT,
    WHITE,
    WIDTH,
    Colour,
    add_sensor_noise,
    create_plain_image,
    rgb_to_yuv,
)
from touchline.sources.synthetic.match import MatchEvent, ScoreChange, round_to_frame
from touchline.sources.synthetic.show import OverlayFrames, RenderSpec

MINUTE, EDGE = 60.0, 8.0  # seconds; a rally keeps this far from both ends of its minute
STROKE_SECONDS = 3.0  # seconds
FEWEST, MOST = 2, 5  # strokes of a rally
BANDS: dict[str, tuple[int, Colour]] = {  # label -> row of the picture, colour
    "Top stroke": (24, (40, 216, 232)),
    "Bottom stroke": (146, (246, 164, 24)),
}
BAND_ROWS = 72  # rows
SWING_PHASES = 6  # pictures of one swing
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


def plan_badminton_events(rng: np.random.Generator, half: int, seconds: float) -> list[MatchEvent]:
    """Plan one rally in every minute that is long enough for the longest one."""
    events = []
    for start in np.arange(0, seconds, MINUTE):
        length = min(MINUTE, seconds - start)
        if length >= MOST * STROKE_SECONDS + 2 * EDGE:
            events += _plan_rally(rng, half, start, length)
    return events


def plan_badminton_points(
    rng: np.random.Generator, events: list[MatchEvent], seconds: float
) -> list[ScoreChange]:
    """Give the point of each rally to the side that strikes last."""
    last = [
        e
        for e, after in zip_longest(events, events[1:])
        if after is None or after.half != e.half or after.time > e.time + STROKE_SECONDS + 1
    ]
    return [
        ScoreChange(e.half, round_to_frame(e.time + STROKE_SECONDS / 2), e.team, 1) for e in last
    ]


def draw_badminton_court(close: bool) -> Image.Image:
    """Draw the court from behind the base line or, if `close`, from the side of the net."""
    image = create_plain_image(HEIGHT, WIDTH, (44, 40, 66))
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


def draw_badminton_overlay(event: MatchEvent, rng: np.random.Generator) -> OverlayFrames:
    """Draw a bright band on the hitter's side with a swinging racket, in SWING_PHASES pictures."""
    top, colour = BANDS[event.label]
    jitter, reach = rng.uniform(0.85, 1.0), rng.uniform(60, 300)
    images = [
        _draw_swing(colour, jitter, reach, phase / (SWING_PHASES - 1))
        for phase in range(SWING_PHASES)
    ]
    return OverlayFrames(top, [add_sensor_noise(rgb_to_yuv(image), rng, 2.0) for image in images])


def _draw_swing(colour: Colour, jitter: float, reach: float, part: float) -> Image.Image:
    image = create_plain_image(BAND_ROWS, WIDTH, (0, 0, 0))
    image.paste(tuple(round(c * jitter) for c in colour), (0, 0, WIDTH, BAND_ROWS))
    draw = ImageDraw.Draw(image)
    angle = np.pi * (0.15 + 0.7 * part)
    x, y = reach - 40 * np.cos(angle), 66 - 52 * np.sin(angle)
    draw.line((reach, 66, x, y), fill=(60, 30, 20), width=3)
    draw.ellipse((x - 9, y - 9, x + 9, y + 9), outline=(60, 30, 20), width=2)
    return image


def _plan_rally(
    rng: np.random.Generator, half: int, start: float, length: float
) -> list[MatchEvent]:
    strokes = int(rng.integers(FEWEST, MOST + 1))
    begin = rng.uniform(EDGE, length - EDGE - strokes * STROKE_SECONDS)
    serves = int(rng.integers(2))
    sides = [("Top stroke", "away"), ("Bottom stroke", "home")]
    return [
        MatchEvent(
            half,
            round_to_frame(start + begin + (i + 0.5) * STROKE_SECONDS),
            *sides[(serves + i) % 2],
        )
        for i in range(strokes)
    ]


RENDER_SPEC = RenderSpec(
    plan=plan_badminton_events,
    points=plan_badminton_points,
    ground=draw_badminton_court,
    overlay=draw_badminton_overlay,
    places={"Top stroke": (0.5, 0.2), "Bottom stroke": (0.5, 0.85)},
    homes=np.array([[0.5, 0.9], [0.5, 0.15]]),
    field=(120, 20, 260, 160),
    pull=0.1,
    ball=WHITE,
    player=36,
    phrases=PHRASES,
    chatter=CHATTER,
)
