"""DeepSport's second reward for the tool: paid where looking again is needed, and only there.

A question is *direct* when the model before RL answers it from the first frames alone, else
*active* (arXiv 2511.12908v2). That paper's constants are not known; form and defaults are those
of VideoBrain (arXiv 2602.04094), whose third class, questions answered now and then, needs several
attempts per question and is left out. A right answer here is one that reaches the gate.
"""

from touchline.train.rl.rewards.attempt import Judged
from touchline.train.rl.rewards.rule import Rule


def selective(attempt: Judged, rule: Rule) -> float:
    right = attempt.accuracy >= rule.gate
    if attempt.direct:
        return rule.selective.direct if right and not attempt.called else 0.0
    if not attempt.called:
        return 0.0
    return rule.selective.active if right else rule.selective.consolation
