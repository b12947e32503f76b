"""What the rules look at: a challenger's numbers beside the champion's, and where it comes from."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from touchline.config import Params
from touchline.metrics.bootstrap import Estimate


class Gate(Params):
    """The section `gate` of params.yaml."""

    rules: list[str]
    tasks: list[str]  # that must beat their floors; [] for all that the benchmark asks
    least_matches: int  # of a task; an interval over fewer proves nothing
    alpha: float  # chance that not one of `looks` comparisons promotes an equal model by luck
    looks: int
    terms: list[str]  # under which a champion's data may be
    require_sight: bool


@dataclass(frozen=True)
class Case:
    """One challenger. Estimates are differences: challenger less the other, paired over matches."""

    name: str
    champion: str  # "" where there is none yet
    matches: Mapping[str, int]  # of each task; "" is all of them
    floors: Mapping[str, Mapping[str, Estimate]]  # task -> floor -> difference
    overall: Estimate | None = None  # to the champion, over all tasks
    p: float = 1.0  # of the paired randomisation test
    least: float = 1.0  # the smallest p that so many matches can give
    sports: Mapping[str, Estimate] = field(default_factory=dict)  # to the champion, over all tasks
    looks: int = 0  # comparisons that this benchmark was used for before this one
    ledgers: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)  # stage -> its totals
    terms: str = ""  # the strictest of the model's data; "" where it does not say
    sight: Mapping[str, Any] | None = None  # sight.json beside the model


@dataclass(frozen=True)
class Ruling:
    """What one rule found, in a sentence without its final dot."""

    rule: str
    holds: bool
    why: str


Rule = Callable[[Case, Gate], Ruling]


def spread(given: Estimate) -> str:
    """`+0.04 (+0.01 to +0.07)`."""
    return f"{given.value:+.2f} ({given.low:+.2f} to {given.high:+.2f})"
