"""The constants of the rewards, as `rl.reward` in params.yaml states them."""

from typing import Literal

from touchline.config import Params


class Weights(Params):
    """What each part counts in the sum; a part of weight 0 is not computed."""

    accuracy: float
    closeness: float
    gated: float
    selective: float
    evidence: float
    thrift: float


class Gated(Params):
    bonus: float  # share of the accuracy paid on top after a call
    consolation: float  # for a call without success


class Selective(Params):
    direct: float  # for a right answer without a call, where the first frames suffice
    active: float  # for a right answer after a call, where they do not
    consolation: float  # for a call there without success


class Rule(Params):
    gate: float  # accuracy from which an answer is right
    penalty: float  # for a broken format or a repeated window
    repeat: float  # IoU with an earlier window from which a window repeats it
    weights: Weights
    gated: Gated
    selective: Selective
    filter: Literal["none", "outcome"]  # outcome: groups of one accuracy teach nothing
