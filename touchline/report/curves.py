"""Training curves from `log.jsonl` rows, as points for small SVG plots."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

WANTED = (
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
MOST = 8  # plots per model
WIDTH, HEIGHT = 100.0, 40.0


@dataclass(frozen=True)
class Curve:
    """One number over the steps; `points` in a WIDTH x HEIGHT box, as SVG wants them."""

    title: str
    points: str
    first: float
    last: float
    low: float
    high: float
    steps: tuple[int, int]


def curves(rows: Sequence[Mapping[str, Any]]) -> list[Curve]:
    """The wanted numbers first, then rewards by name; at most `MOST`, none of a single point."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    rewards = [n for n in names if n.startswith("rewards/") and n.endswith("/mean")]
    chosen = [name for name in (*WANTED, *rewards) if name in names]
    drawn = [_curve(name, rows) for name in chosen]
    return [curve for curve in drawn if curve][:MOST]


def _curve(name: str, rows: Sequence[Mapping[str, Any]]) -> Curve | None:
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
    return Curve(name, drawn, values[0], values[-1], low, high, (steps[0], steps[-1]))
