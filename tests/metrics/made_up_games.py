"""Labels and predictions of made-up games in SoccerNet's form, the same for the same seed."""

import random
from typing import Any

from touchline.metrics.average_map import LabelledAction, PredictedAction

CLASSES = (
    "Penalty", "Kick-off", "Goal", "Substitution", "Offside", "Shots on target",
    "Shots off target", "Clearance", "Ball out of play", "Throw-in", "Foul",
    "Indirect free-kick", "Direct free-kick", "Corner", "Yellow card", "Red card",
    "Yellow->red card",
)  # fmt: skip
Games = dict[str, tuple[list[dict[str, Any]], list[dict[str, Any]]]]


def games(seed: int, count: int, labels: int, predictions: int, confidences: int) -> Games:
    """{GAME: (annotations, predictions)} in SoccerNet's form, many of them near each other."""
    draw = random.Random(seed)
    return {
        f"league/season/game {number}": _game(draw, labels, predictions, confidences)
        for number in range(count)
    }


def _game(
    draw: random.Random, labels: int, predictions: int, confidences: int
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    truths = [_spot(draw, draw.randrange(2_800_000)) for _ in range(labels)]
    guesses = []
    for _ in range(predictions):
        near = draw.choice(truths)
        guess = _spot(draw, max(0, int(near["position"]) + int(draw.gauss(0, 8000))))
        if draw.random() < 0.6:
            guess |= {"label": near["label"], "half": near["half"]}
        guesses.append(guess | {"confidence": str(draw.randint(1, confidences) / confidences)})
    for truth in truths:
        truth["visibility"] = "not shown" if draw.random() < 0.2 else "visible"
        truth["gameTime"] = f"{truth['half']} - 00:00"
    return truths, guesses


def _spot(draw: random.Random, position: int) -> dict[str, Any]:
    # The last class never occurs among labels that are drawn evenly from the others.
    return {
        "label": CLASSES[min(draw.randrange(16), draw.randrange(16))],
        "half": str(draw.choice((1, 2))),
        "position": str(position),
    }


def ours(made: Games) -> tuple[list[LabelledAction], list[PredictedAction]]:
    """The same games for our metric."""
    truths, guesses = [], []
    for game, (annotations, predictions) in made.items():
        for a in annotations:
            seconds, shown = int(a["position"]) / 1000, a["visibility"] != "not shown"
            truths.append(LabelledAction(f"{game}/{a['half']}", a["label"], seconds, shown))
        for p in predictions:
            seconds, sure = int(p["position"]) / 1000, float(p["confidence"])
            guesses.append(PredictedAction(f"{game}/{p['half']}", p["label"], seconds, sure))
    return truths, guesses
