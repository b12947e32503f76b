"""Reward part `selective` (DeepSport's second tool reward): pays for tool use only where it is
needed.

A question is *direct* if the model before RL answers it from the first frames alone, else *active*
(arXiv 2511.12908v2). That paper's constants are unpublished; form and defaults are those of
VideoBrain (arXiv 2602.04094), whose third class, questions answered sometimes, needs several
attempts per question and is left out. An answer is right if its accuracy reaches the gate.
"""

from touchline.train.rl.rewards.attempt import AttemptFacts
from touchline.train.rl.rewards.rule import RewardParams


def reward_selective_tool_use(attempt: AttemptFacts, params: RewardParams) -> float:
    """Direct question: paid for a right answer without a call. Active question: paid for a call,
    more if the answer is right. Otherwise 0.
    """
    right = attempt.accuracy >= params.gate
    if attempt.direct:
        return params.selective.direct if right and not attempt.called_tool else 0.0
    if not attempt.called_tool:
        return 0.0
    return params.selective.active if right else params.selective.consolation
