"""Compare candidates of a night, paired over matches, and say it in plain sentences."""

from collections.abc import Mapping
from typing import NamedTuple

from touchline.metrics import bootstrap
from touchline.metrics.bootstrap import Estimate
from touchline.metrics.overall import Headlines
from touchline.metrics.randomisation import p_value
from touchline.metrics.scores import NO_FLOOR


class Gap(NamedTuple):
    """Ours less theirs over all tasks; `p` of the paired randomisation test that ours is better."""

    overall: Estimate
    p: float
    matches: int
    sports: Mapping[str, Estimate]
    tasks: Mapping[str, Estimate]


def gap(ours: Headlines, theirs: Headlines, seed: int) -> Gap:
    """Every difference that a night looks at."""

    def differ(**part: str) -> Estimate:
        return bootstrap.difference(ours.side(**part), theirs.side(**part), seed)

    alone = {"draw": "matches alone"}
    return Gap(
        overall=differ(),
        p=p_value(ours.side(**alone), theirs.side(**alone), seed),
        matches=ours.count(),
        sports={sport: differ(sport=sport) for sport in sorted(set(ours.sports))},
        tasks={task: differ(task=task) for task in sorted(set(ours.tasks))},
    )


def above(
    ours: Headlines, floors: Mapping[str, Headlines], seed: int
) -> dict[str, dict[str, Estimate]]:
    """{TASK: {FLOOR: ours less the floor's headline metric}}, of floors that are one there."""
    return {
        task: {
            name: bootstrap.difference(ours.side(task), floor.side(task), seed)
            for name, floor in floors.items()
            if (name, task) not in NO_FLOOR
        }
        for task in sorted(set(ours.tasks))
    }


def overall(ours: Headlines, seed: int) -> Estimate:
    """The mean of the headline metrics, with its interval."""
    return bootstrap.estimate(ours.side(), seed)


def verdict(name: str, other: str, found: Gap) -> str:
    """`A: better than B by 0.04 (0.01 to 0.07) on 43 matches`, or what a difference would need."""
    given = found.overall
    where = f"on {found.matches} match{'es' if found.matches != 1 else ''}"
    if given.low == given.high == 0:
        return f"{name}: no difference to {other} in any match {where}."
    if given.low > 0:
        luck = f"chance alone does as much once in {1 / found.p:,.0f} times"
        return f"{name}: better than {other} by {_plain(given, 1)} {where}; {luck}."
    if given.high < 0:
        return f"{name}: worse than {other} by {_plain(given, -1)} {where}."
    seen = f"{given.value:+.2f} ({given.low:+.2f} to {given.high:+.2f})"
    needed = f"a difference below about {(given.high - given.low) / 2:.2f} cannot be seen there"
    return f"{name}: no difference to {other} beyond the interval, {seen} {where}; {needed}."


def worse(found: Gap) -> bool:
    """A loss beyond the 95 % interval."""
    return found.overall.high < 0


def _plain(given: Estimate, sign: int) -> str:
    low, high = sorted((sign * given.low, sign * given.high))
    return f"{abs(given.value):.2f} ({low:.2f} to {high:.2f})"
