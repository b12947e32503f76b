"""The reward's parameters: `rl.reward` in params.yaml."""

from typing import Literal

from touchline.config import Params


class RewardWeights(Params):
    """Weight of each reward part in the sum; parts of weight 0 are not computed."""

    accuracy: float
    closeness: float
    gated: float
    selective: float
    evidence: float
    thrift: float


class GatedRewardParams(Params):
    """Parameters of the reward part `gated`."""

    bonus: float  # share of the accuracy paid on top after a call
    consolation: float  # for a call without success


class SelectiveRewardParams(Params):
    """Parameters of the reward part `selective`."""

    direct: float  # for a right answer without a call, where the first frames suffice
    active: float  # for a right answer after a call, where they do not
    consolation: float  # for a call there without success


class RewardParams(Params):
    """All parameters of the reward."""

    gate: float  # accuracy from which an answer is right
    penalty: float  # for a broken format or a repeated window
    repeat: float  # IoU with an earlier window from which a window repeats it
    weights: RewardWeights
    gated: GatedRewardParams
    selective: SelectiveRewardParams
    filter: Literal["none", "outcome"]  # outcome: groups of one accuracy teach nothing
