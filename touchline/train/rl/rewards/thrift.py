"""What is saved by not looking again: 1 without a call, so that a call must earn its weight back.

Beside the accuracy and with a small weight it prices frames: a call stays where it makes answers
better by more than that, and goes where it does not.
"""

from touchline.train.rl.rewards.attempt import Judged
from touchline.train.rl.rewards.rule import Rule


def thrift(attempt: Judged, rule: Rule) -> float:
    return float(not attempt.called)
