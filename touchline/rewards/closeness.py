"""The answer's worth on a finer scale than right or wrong: for intervals their IoU."""

from touchline.rewards.judged import Judged
from touchline.rewards.rule import Rule


def closeness(attempt: Judged, rule: Rule) -> float:
    return attempt.closeness
