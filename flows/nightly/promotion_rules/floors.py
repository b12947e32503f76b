"""Rule: in every task the challenger is above each floor by more than its interval.

One of the floors is the challenger itself on black frames: what it knows without looking.
"""

from collections.abc import Mapping

from flows.nightly.promotion_case import Case, Gate, Ruling, spread
from touchline.metrics.bootstrap import Estimate

NAME = "floors"


def rule(case: Case, gate: Gate) -> Ruling:
    tasks = gate.tasks or sorted(case.floors)
    missing = [task for task in tasks if not case.floors.get(task)]
    if missing or not tasks:
        return Ruling(NAME, False, f"{', '.join(missing) or 'nothing'} was asked of no floor")
    few = [f"{task} ({case.matches[task]})" for task in tasks if _few(case, gate, task)]
    if few:
        why = f"fewer than {gate.least_matches} matches prove nothing: {', '.join(few)}"
        return Ruling(NAME, False, why)
    closest = {task: _closest(case.floors[task]) for task in tasks}
    failed = [f"{task}: {_against(*closest[task])}" for task in tasks if closest[task][1].low <= 0]
    if failed:
        return Ruling(NAME, False, f"not above the floors in {'; '.join(failed)}")
    said = "; ".join(f"{task}: {_against(*closest[task])}" for task in tasks)
    return Ruling(NAME, True, f"above every floor ({said})")


def _few(case: Case, gate: Gate, task: str) -> bool:
    return case.matches[task] < gate.least_matches


def _closest(floors: Mapping[str, Estimate]) -> tuple[str, Estimate]:
    """The floor that the challenger beats by the least."""
    name = min(floors, key=lambda one: (floors[one].low, floors[one].value, one))
    return name, floors[name]


def _against(name: str, gap: Estimate) -> str:
    return f"{spread(gap)} against {name.removeprefix('floor.')}"
