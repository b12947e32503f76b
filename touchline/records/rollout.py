"""A rollout: a trajectory within RL with its reward."""

from dataclasses import dataclass

from touchline.records.trajectory import Trajectory


@dataclass(frozen=True)
class Rollout(Trajectory):
    """An RL trajectory with its reward; `tokens` and `windows` suffice to replay it."""

    step: int  # optimizer steps before it
    group: int  # of its step: attempts at one question that are compared
    tokens: list[int]  # of the completion, the tool's turns included
    shown: list[str]  # digest of each frame's pixels, in the order shown
    ending: str  # how it ended: see touchline/chat/turns.py
    direct: bool  # the model before RL answers the question from the first frames alone
    parts: str  # JSON: the reward's parts, before weight and gate
    earned: float  # the reward
    paid: float  # what it was given after the group filter
