"""Training curves from the rows of `log.jsonl`, as points for small SVG plots."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

CURVE_METRICS = (
    "loss",
    "eval_loss",
    "reward",
    "mean_token_accuracy",
    "eval_accuracy",
    "accuracy",
    "windows/hit",
    "groups/phantom",
    "reward_std",
    "kl",
    "entropy",
    "tools/call_frequency",
    "completions/mean_length",
    "learning_rate",
)
MAX_CURVES = 8  # plots per model
WIDTH, HEIGHT = 100.0, 40.0


@dataclass(frozen=True)
class TrainingCurve:
    """One logged metric over the training steps. `points` is an SVG points string in a WIDTH x
    HEIGHT box.
    """

    title: str
    points: str
    first: float
    last: float
    low: float
    high: float
    steps: tuple[int, int]


def build_training_curves(rows: Sequence[Mapping[str, Any]]) -> list[TrainingCurve]:
    """Curves of `CURVE_METRICS`, then of each mean reward; at most `MAX_CURVES`, and only metrics
    with at least two finite values.
    """
    names = list(dict.fromkeys(name for row in rows for name in row))
    rewards = [n for n in names if n.startswith("rewards/") and n.endswith("/mean")]
    chosen = [name for name in (*CURVE_METRICS, *rewards) if name in names]
    drawn = [_build_curve(name, rows) for name in chosen]
    return [curve for curve in drawn if curve][:MAX_CURVES]


def _build_curve(name: str, rows: Sequence[Mapping[str, Any]]) -> TrainingCurve | None:
    points = [(int(row["step"]), float(row[name])) for row in rows if "step" in row and name in row]
    points = [(step, value) for step, value in points if math.isfinite(value)]
    if len(points) < 2:
        return None
    steps, values = zip(*points, strict=True)
    low, high = min(values), max(values)
    wide, tall = max(steps[-1] - steps[0], 1), (high - low) or 1.0
    drawn = " ".join(
        f"{(step - steps[0]) / wide * WIDTH:.2f},{HEIGHT - (value - low) / tall * HEIGHT:.2f}"
        for step, value in points
    )
    return TrainingCurve(
        title=name,
        points=drawn,
        first=values[0],
        last=values[-1],
        low=low,
        high=high,
        steps=(steps[0], steps[-1]),
    )
