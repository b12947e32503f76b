"""Synthetic soccer: a striped pitch, twenty players, and a plate for each of the 16 event words."""

import numpy as np
from PIL import Image, ImageDraw

from touchline.sources.synthetic.drawing import (
    BLACK,
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
from touchline.sports.soccer import SOCCER

GAP, EDGE = 13.5, 7.0  # seconds between two labels, and from a label to the half's ends
ASKED_SHARE = 0.75  # share of events among the words that are asked for
PLATE_COLOURS: dict[str, tuple[Colour, Colour]] = {
    "corner": (YELLOW, YELLOW),
    "shot on target": (CYAN, CYAN),
    "goal": (RED, RED),
    "clearance": (PALE, PALE),
    "foul": (BLUE, BLUE),
    "free-kick": (MAGENTA, MAGENTA),
    "substitution": (BLACK, BLACK),
    "penalty": (BLACK, RED),
    "kick-off": (BLACK, PALE),
    "offside": (BLACK, YELLOW),
    "shot off target": (BLACK, CYAN),
    "ball out": (BLACK, BLUE),
    "throw-in": (BLACK, MAGENTA),
    "yellow card": (YELLOW, BLACK),
    "red card": (RED, BLACK),
    "second yellow": (PALE, BLACK),
}
PLACES = {
    "Corner": (0.99, 0.02),
    "Shots on target": (0.97, 0.5),
    "Shots off target": (0.98, 0.35),
    "Goal": (0.99, 0.5),
    "Clearance": (0.12, 0.5),
    "Penalty": (0.9, 0.5),
    "Kick-off": (0.5, 0.5),
    "Throw-in": (0.6, 0.99),
    "Ball out of play": (0.4, 0.99),
    "Substitution": (0.5, 0.98),
    "Direct free-kick": (0.75, 0.4),
}
PHRASES = {
    "Corner": ("And that is a corner.", "They will take the corner quickly."),
    "Shots on target": ("What a save by the keeper!", "Good effort, on target, saved."),
    "Shots off target": ("That one goes wide.", "He lifts it over the bar."),
    "Goal": ("It's a goal! What a finish!", "He scores! It is in the back of the net!"),
    "Clearance": ("The defender clears it.", "Good clearance under pressure."),
    "Foul": ("That is a foul.", "He brings him down in midfield."),
    "Direct free-kick": ("The free-kick is in a good position.", "A free-kick at the goal."),
    "Indirect free-kick": ("They play the free-kick short.", "A quick free-kick."),
    "Substitution": ("A substitution now.", "Fresh legs, he comes on for the last part."),
    "Penalty": ("It is a penalty!", "He puts the ball on the spot."),
    "Kick-off": ("We are under way again.", "Kick-off once more."),
    "Offside": ("The flag is up, offside.", "He was offside by a yard."),
    "Ball out of play": ("The ball is out of play.", "It runs into touch."),
    "Throw-in": ("A throw-in on the far side.", "Long throw coming in."),
    "Yellow card": ("He is booked for that.", "A yellow card, no complaints."),
    "Red card": ("He is sent off!", "It is a red card!"),
    "Yellow->red card": ("A second yellow, he has to go.", "Second yellow for him."),
}
CHATTER = (
    "They keep the ball patiently.",
    "The crowd is getting louder now.",
    "A long pass to the other side.",
    "He looks for a team mate in the middle.",
    "Both sides are working very hard.",
    "The manager is on his feet.",
    "Nice control there.",
    "They have had most of the ball.",
    "It has been an even match so far.",
    "He turns back and plays it simple.",
    "The midfield is very crowded.",
    "Good pressing by the whole team.",
)


def plan_soccer_events(rng: np.random.Generator, half: int, seconds: float) -> list[MatchEvent]:
    """Plan the events of a half, far enough apart that no two plates overlap in time."""
    events, time = [], rng.uniform(EDGE, 22)
    while time <= seconds - EDGE:
        label = _pick_label(rng)
        team = "not applicable" if label == "Ball out of play" else _pick_team(rng)
        events.append(MatchEvent(half, round_to_frame(time), label, team))
        time += rng.uniform(GAP + 0.1, 36)
    return events


def plan_soccer_points(
    rng: np.random.Generator, events: list[MatchEvent], seconds: float
) -> list[ScoreChange]:
    """One score change per goal event."""
    return [ScoreChange(e.half, e.time, e.team, 1) for e in events if e.label == "Goal"]


def draw_soccer_pitch(close: bool) -> Image.Image:
    """Draw the striped pitch with its lines; `close` selects the close camera, with wider stripes
    and no stand.
    """
    stripe, top = (84, 0) if close else (32, 36)
    image = create_plain_image(HEIGHT, WIDTH, (70, 74, 84))
    draw = ImageDraw.Draw(image)
    for index, left in enumerate(range(0, WIDTH, stripe)):
        green = (44, 122, 48) if index % 2 else (56, 140, 56)
        draw.rectangle((left, top, left + stripe - 1, HEIGHT), fill=green)
    if close:
        draw.line((0, 60, WIDTH, 90), fill=WHITE, width=3)
        return image
    draw.rectangle((10, 44, 387, 214), outline=WHITE)
    draw.line((199, 44, 199, 214), fill=WHITE)
    draw.ellipse((169, 103, 229, 155), outline=WHITE)
    draw.rectangle((10, 89, 60, 169), outline=WHITE)
    draw.rectangle((337, 89, 387, 169), outline=WHITE)
    return image


def draw_soccer_overlay(event: MatchEvent, rng: np.random.Generator) -> OverlayFrames:
    """The caption plate (a coloured bar with words) shown around an event, as frames."""
    word = SOCCER.words[event.label]
    return OverlayFrames(PLATE_TOP, [draw_plate(word, PLATE_COLOURS[word], rng)])


def _pick_label(rng: np.random.Generator) -> str:
    is_asked = rng.random() < ASKED_SHARE
    words = [w for w in PLATE_COLOURS if (w in SOCCER.spotting_words) == is_asked]
    word = words[int(rng.integers(len(words)))]
    labels = [label for label, w in SOCCER.words.items() if w == word]
    return labels[int(rng.integers(len(labels)))]


def _pick_team(rng: np.random.Generator) -> str:
    return "home" if rng.random() < 0.5 else "away"


def _home_positions() -> np.ndarray:
    """Ten field players each, in a 4-4-2."""
    lines = [(0.16, 4), (0.34, 4), (0.46, 2)]
    home = [(x, (i + 0.5) / n) for x, n in lines for i in range(n)]
    return np.array(home + [(1 - x, y) for x, y in home])


RENDER_SPEC = RenderSpec(
    plan=plan_soccer_events,
    points=plan_soccer_points,
    ground=draw_soccer_pitch,
    overlay=draw_soccer_overlay,
    places=PLACES,
    homes=_home_positions(),
    field=(12, 40, 380, 202),
    pull=0.3,
    ball=WHITE,
    player=12,
    phrases=PHRASES,
    chatter=CHATTER,
)
