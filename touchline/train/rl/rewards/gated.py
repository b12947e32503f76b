"""DeepSport's first reward for the tool: a bonus for looking again, gated by the answer.

R_tool = bonus x acc when the tool was used and acc reaches the gate, `consolation` when it was
used and acc does not, else 0 (arXiv 2511.12908v1, equations 4-8). A call always pays, even a
useless one: judge a model by its answers, never by this number.
"""

from touchline.train.rl.rewards.attempt import AttemptFacts
from touchline.train.rl.rewards.rule import RewardParams


def reward_gated_tool_use(attempt: AttemptFacts, params: RewardParams) -> float:
    """Bonus for using the tool, as defined in the module docstring; 0 without a call."""
    if not attempt.called_tool:
        return 0.0
    if attempt.accuracy >= params.gate:
        return params.gated.bonus * attempt.accuracy
    return params.gated.consolation
