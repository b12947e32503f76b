"""The answer's worth on a finer scale than right or wrong: for intervals their IoU."""

from touchline.train.rl.rewards.attempt import Judged
from touchline.train.rl.rewards.rule import Rule


def closeness(attempt: Judged, rule: Rule) -> float:
    return attempt.closeness
