"""DeepSport's first reward: accuracy, a bonus for looking again, both gated by the format.

R = g_fmt (R_acc + R_tool) - penalty (1 - g_fmt), with R_tool = bonus x acc when the tool was used
and acc reaches the gate, `consolation` when it was used and acc does not, else 0
(arXiv 2511.12908v1, equations 4-8; its constants are in params.yaml). A call always pays, even a
useless one: judge a model by its answers, never by this number.
"""

from touchline.stage import Params


class Gated(Params):
    gate: float  # accuracy from which the bonus is paid
    bonus: float  # share of the accuracy paid on top
    consolation: float  # for a call without success
    penalty: float  # for a broken format


def gated(valid: bool, accuracy: float, called: bool, rule: Gated) -> float:
    """The reward of one attempt; `accuracy` is the task's own score in [0, 1]."""
    if not valid:
        return -rule.penalty
    if not called:
        return accuracy
    return accuracy + (rule.bonus * accuracy if accuracy >= rule.gate else rule.consolation)
