"""Rule: in every task the challenger beats each floor by more than the interval.

One of the floors is the challenger itself on black frames: what it answers without seeing the
video.
"""

from collections.abc import Mapping

from flows.nightly.promotion_case import (
    PromotionCase,
    PromotionSettings,
    Ruling,
    format_estimate_interval,
)
from touchline.metrics.bootstrap import MetricEstimate

FLOORS_RULE = "floors"


def check_above_floors(case: PromotionCase, gate: PromotionSettings) -> Ruling:
    """Pass if the lower bound against every floor is above zero in every task, with at least
    `least_matches` matches per task.
    """
    tasks = gate.tasks or sorted(case.floors)
    missing = [task for task in tasks if not case.floors.get(task)]
    if missing or not tasks:
        return Ruling(
            FLOORS_RULE, False, f"{', '.join(missing) or 'nothing'} was asked of no floor"
        )
    few = [f"{task} ({case.matches[task]})" for task in tasks if _has_few_matches(case, gate, task)]
    if few:
        why = f"fewer than {gate.least_matches} matches prove nothing: {', '.join(few)}"
        return Ruling(FLOORS_RULE, False, why)
    closest = {task: _closest_floor(case.floors[task]) for task in tasks}
    failed = [
        f"{task}: {_format_floor_gap(*closest[task])}"
        for task in tasks
        if closest[task][1].low <= 0
    ]
    if failed:
        return Ruling(FLOORS_RULE, False, f"not above the floors in {'; '.join(failed)}")
    margins = "; ".join(f"{task}: {_format_floor_gap(*closest[task])}" for task in tasks)
    return Ruling(FLOORS_RULE, True, f"above every floor ({margins})")


def _has_few_matches(case: PromotionCase, gate: PromotionSettings, task: str) -> bool:
    return case.matches[task] < gate.least_matches


def _closest_floor(floors: Mapping[str, MetricEstimate]) -> tuple[str, MetricEstimate]:
    """The floor that the challenger beats by the least."""
    name = min(floors, key=lambda floor: (floors[floor].low, floors[floor].value, floor))
    return name, floors[name]


def _format_floor_gap(name: str, gap: MetricEstimate) -> str:
    return f"{format_estimate_interval(gap)} against {name.removeprefix('floor.')}"
