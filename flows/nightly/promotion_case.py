"""Input and output types of the promotion rules: a challenger's numbers relative to the champion,
and its provenance.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from touchline.config import Params
from touchline.metrics.bootstrap import MetricEstimate


class PromotionSettings(Params):
    """The section `gate` of params.yaml."""

    rules: list[str]
    tasks: list[str]  # that must beat their floors; [] for all that the benchmark asks
    least_matches: int  # of a task; an interval over fewer proves nothing
    alpha: float  # chance that not one of `looks` comparisons promotes an equal model by luck
    looks: int
    terms: list[str]  # under which a champion's data may be
    require_sight: bool


@dataclass(frozen=True)
class PromotionCase:
    """One challenger's numbers. Estimates are differences, challenger minus champion or floor,
    paired over matches.
    """

    name: str
    champion: str  # "" where there is none yet
    matches: Mapping[str, int]  # of each task; "" is all of them
    floors: Mapping[str, Mapping[str, MetricEstimate]]  # task -> floor -> difference
    overall: MetricEstimate | None = None  # to the champion, over all tasks
    p: float = 1.0  # of the paired randomisation test
    least: float = 1.0  # the smallest p that so many matches can give
    sports: Mapping[str, MetricEstimate] = field(
        default_factory=dict
    )  # to the champion, over all tasks
    looks: int = 0  # comparisons that this benchmark was used for before this one
    ledgers: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)  # stage -> its totals
    terms: str = ""  # the strictest of the model's data; "" where it does not say
    sight: Mapping[str, Any] | None = None  # sight.json beside the model


@dataclass(frozen=True)
class Ruling:
    """Result of one rule; `why` is a sentence without the final full stop."""

    rule: str
    holds: bool
    why: str


PromotionRule = Callable[[PromotionCase, PromotionSettings], Ruling]


def format_estimate_interval(estimate: MetricEstimate) -> str:
    """Format an estimate as `+0.04 (+0.01 to +0.07)`."""
    return f"{estimate.value:+.2f} ({estimate.low:+.2f} to {estimate.high:+.2f})"
