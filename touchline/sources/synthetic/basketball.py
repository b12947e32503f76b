"""Synthetic basketball: a hardwood floor, ten players, and a coloured plate for each referee's
call.
"""

import numpy as np
from PIL import Image, ImageDraw

from touchline.sources.synthetic.drawing import (
    BLUE,
    CYAN,
    HEIGHT,
    MAGENTA,
    PALE,
    PLATE_TOP,
    RED,
    WHITE,
    WIDTH,
    YELLOW,
    Colour,
    create_plain_image,
    draw_plate,
)
from touchline.sources.synthetic.match import MatchEvent, ScoreChange, round_to_frame
from touchline.sources.synthetic.show import OverlayFrames, RenderSpec
from touchline.sports.basketball import BASKETBALL

MINUTE, GAP, EDGE = 60.0, 13.5, 7.0  # seconds
SINGLE_CALL_SHARE = 0.7  # share of minutes with exactly one call; the others have two
PLATE_COLOURS: dict[str, tuple[Colour, Colour]] = {
    "travelling": (RED, PALE),
    "charging": (PALE, RED),
    "blocking": (BLUE, YELLOW),
    "goaltending": (YELLOW, BLUE),
    "hand check": (MAGENTA, CYAN),
    "double dribble": (CYAN, MAGENTA),
}
PHRASES = {
    "Travelling": ("That is travelling.", "Too many steps, he cannot do that."),
    "Charging": ("Charging, says the referee.", "That is a charge."),
    "Blocking": ("A blocking foul.", "He was late, that is a block."),
    "Goaltending": ("Goaltending is the call.", "They call the goaltend."),
    "Hand check": ("A hand check out there.", "Hand check, no doubt."),
    "Double dribble": ("Double dribble.", "He dribbled twice, they saw it."),
}
CHATTER = (
    "They bring the ball up slowly.",
    "Good screen at the top.",
    "He takes the shot from the corner.",
    "The rebound goes to the guard.",
    "They push the pace now.",
    "Nice pass inside.",
    "The bench is on its feet.",
    "He waits for the play to develop.",
    "Tough defence on the wing.",
    "Both teams look tired.",
)


def plan_basketball_events(rng: np.random.Generator, half: int, seconds: float) -> list[MatchEvent]:
    """Plan one or two calls per minute, far enough from the minute's ends that no plate crosses
    into the next.
    """
    events = []
    for start in np.arange(0, seconds, MINUTE):
        for time in _call_times(rng, min(MINUTE, seconds - start)):
            label = str(rng.choice(list(BASKETBALL.words)))
            team = "home" if rng.random() < 0.5 else "away"
            events.append(MatchEvent(half, round_to_frame(start + time), label, team))
    return events


def plan_basketball_points(
    rng: np.random.Generator, events: list[MatchEvent], seconds: float
) -> list[ScoreChange]:
    """Plan a basket roughly every 16 seconds, at random times; calls do not score."""
    times = [(half, t) for half in (1, 2) for t in np.arange(9, seconds - 6, 16.0)]
    jitter = rng.uniform(-5, 5, len(times))
    sides, worth = rng.random(len(times)) < 0.5, rng.integers(2, 4, len(times))
    return [
        ScoreChange(half, round_to_frame(time + late), "home" if ours else "away", int(value))
        for (half, time), late, ours, value in zip(times, jitter, sides, worth, strict=True)
    ]


def draw_basketball_court(close: bool) -> Image.Image:
    """Draw the floor and court lines; `close` selects the close camera."""
    plank, top = (26, 0) if close else (12, 40)
    image = create_plain_image(HEIGHT, WIDTH, (52, 48, 56))
    draw = ImageDraw.Draw(image)
    for index, left in enumerate(range(0, WIDTH, plank)):
        wood = (176, 116, 62) if index % 2 else (188, 128, 72)
        draw.rectangle((left, top, left + plank - 1, HEIGHT), fill=wood)
    if close:
        draw.arc((-60, 20, 320, 300), 180, 360, fill=WHITE, width=3)
        return image
    draw.rectangle((14, 48, 383, 212), outline=WHITE, width=2)
    draw.line((199, 48, 199, 212), fill=WHITE, width=2)
    draw.ellipse((171, 104, 227, 156), outline=WHITE, width=2)
    draw.rectangle((14, 100, 84, 160), outline=WHITE, fill=(150, 84, 44))
    draw.rectangle((313, 100, 383, 160), outline=WHITE, fill=(150, 84, 44))
    return image


def draw_basketball_overlay(event: MatchEvent, rng: np.random.Generator) -> OverlayFrames:
    """The caption plate (a coloured bar with words) shown around a referee's call, as frames."""
    word = BASKETBALL.words[event.label]
    return OverlayFrames(PLATE_TOP, [draw_plate(word, PLATE_COLOURS[word], rng)])


def _call_times(rng: np.random.Generator, length: float) -> list[float]:
    if length < 2 * EDGE:
        return []
    if rng.random() < SINGLE_CALL_SHARE or length < 2 * EDGE + GAP + 1:
        return [rng.uniform(EDGE, length - EDGE)]
    first = rng.uniform(EDGE, length - EDGE - GAP - 0.1)
    return [first, rng.uniform(first + GAP + 0.1, length - EDGE)]


def _home_positions() -> np.ndarray:
    home = [(0.2, 0.5), (0.36, 0.2), (0.36, 0.8), (0.52, 0.35), (0.52, 0.65)]
    return np.array(home + [(1 - x, 1 - y) for x, y in home])


RENDER_SPEC = RenderSpec(
    plan=plan_basketball_events,
    points=plan_basketball_points,
    ground=draw_basketball_court,
    overlay=draw_basketball_overlay,
    places={"Goaltending": (0.97, 0.5), "Hand check": (0.7, 0.3)},
    homes=_home_positions(),
    field=(16, 40, 372, 190),
    pull=0.45,
    ball=(206, 92, 24),
    player=20,
    phrases=PHRASES,
    chatter=CHATTER,
)
