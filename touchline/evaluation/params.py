"""Params section `evaluate`, read by the stages that ask and that report."""

from typing import Any

from touchline.config import Params
from touchline.endpoint import EndpointParams


class JudgeParams(Params):
    """The endpoint of the judge of open answers, and how many answers it grades twice."""

    endpoint: EndpointParams
    again: int


class EvaluateParams(Params):
    """Params section `evaluate`."""

    seed: int  # of the bootstrap
    theta: float  # temporal IoU above which an interval counts
    interval: float  # seconds a floor gives to one action
    batch: int
    turn_tokens: int
    necessity: int  # questions, at most, that RL answers again without, with and with a blank tool
    processes: int  # that answer, each with its own copy of a model; a GPU for each, in turns
    judge: JudgeParams | None  # of open answers; null for none
    candidates: list[dict[str, Any]]  # beside base, sft and rl; kinds: evaluation/candidates
