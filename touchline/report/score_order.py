"""Put the scores of `evaluate.json`, whose keys are sorted, into the order of display."""

from collections.abc import Mapping, Sequence
from typing import Any

CANDIDATE_PARTS = ("candidates", "sports", "actions", "sources", "lengths", "without_negatives")
TOOL_MODE_ORDER = ("free", "forced", "forbidden", "masked")
ALL_TASKS = "all"  # stands behind the tasks


def order_scores(scores: Mapping[str, Any], names: Sequence[str]) -> dict[str, Any]:
    """A copy of the scores with candidates in the order of `names`, each difference in the order
    in which the later candidate is compared with all before it, and the tool's modes as measured.
    """
    ordered = dict(scores)
    for part in CANDIDATE_PARTS:
        ordered[part] = _pick_keys(scores[part], names)
    pairs = [f"{late} - {early}" for i, late in enumerate(names) for early in names[:i]]
    ordered["differences"] = _pick_keys(scores["differences"], pairs)
    if scores.get("necessity"):
        ordered["necessity"] = _order_tool_scores(scores["necessity"])
    return ordered


def _order_tool_scores(necessity: Mapping[str, Any]) -> dict[str, Any]:
    ways = necessity["ways"]
    tasks = sorted(ways, key=lambda task: (task == ALL_TASKS, task))
    return {**necessity, "ways": {task: _pick_keys(ways[task], TOOL_MODE_ORDER) for task in tasks}}


def _pick_keys(values: Mapping[str, Any], keys: Sequence[str]) -> dict[str, Any]:
    return {key: values[key] for key in keys if key in values}
