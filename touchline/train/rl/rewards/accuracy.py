"""The answer's own worth: the task's score, the same one as in the evaluation."""

from touchline.train.rl.rewards.attempt import Judged
from touchline.train.rl.rewards.rule import Rule


def accuracy(attempt: Judged, rule: Rule) -> float:
    return attempt.accuracy
