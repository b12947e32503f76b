"""The answer's own worth: the task's score, the same one as in the evaluation."""

from touchline.rewards.judged import Judged
from touchline.rewards.rule import Rule


def accuracy(attempt: Judged, rule: Rule) -> float:
    return attempt.accuracy
