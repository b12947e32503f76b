"""Judged attempts, made from a word or two, and the rule of params.yaml."""

from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from touchline.train.rl.rewards.attempt import AttemptFacts
from touchline.train.rl.rewards.rule import RewardParams

GIVEN = YAML(typ="safe").load(Path(__file__).parents[4] / "params.yaml")["rl"]["reward"]
V1 = RewardParams(**GIVEN)


def weighted(**weights: float) -> RewardParams:
    """The rule of params.yaml, with these weights and 0 for all others."""
    return RewardParams(**GIVEN | {"weights": dict.fromkeys(GIVEN["weights"], 0.0) | weights})


def attempt(accuracy: float = 1.0, *windows: tuple[float, float], **more: Any) -> AttemptFacts:
    given = {
        "format_kept": True,
        "repeated_window": False,
        "evidence": (),
        "direct": False,
        "closeness": accuracy,
    } | more
    return AttemptFacts(accuracy=accuracy, windows=windows, **given)
