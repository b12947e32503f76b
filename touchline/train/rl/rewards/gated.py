"""DeepSport's first reward for the tool: a bonus for looking again, gated by the answer.

R_tool = bonus x acc when the tool was used and acc reaches the gate, `consolation` when it was
used and acc does not, else 0 (arXiv 2511.12908v1, equations 4-8). A call always pays, even a
useless one: judge a model by its answers, never by this number.
"""

from touchline.train.rl.rewards.attempt import Judged
from touchline.train.rl.rewards.rule import Rule


def gated(attempt: Judged, rule: Rule) -> float:
    if not attempt.called:
        return 0.0
    if attempt.accuracy >= rule.gate:
        return rule.gated.bonus * attempt.accuracy
    return rule.gated.consolation
