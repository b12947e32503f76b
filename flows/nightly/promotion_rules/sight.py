"""Rule: training proved that what the model says depends on what it sees.

The proof is the `sight.json` that reinforcement learning leaves beside its model: whether every
step was compared (`proved`, `steps`) and by how much blanked frames moved the answers (`checks`).
"""

from collections.abc import Mapping
from typing import Any

from flows.nightly.promotion_case import Case, Gate, Ruling

NAME = "sight"
USED = "vision_used"  # nats per token


def rule(case: Case, gate: Gate) -> Ruling:
    if case.sight is None:
        why = "no proof of sight came with the model (sight.json)"
        return Ruling(NAME, not gate.require_sight, why)
    steps, least = case.sight.get("steps", 0), case.sight.get("least", 0.0)
    moved = [value for check in case.sight.get("checks", []) for value in _moves(check)]
    if not case.sight.get("proved") or not moved:
        return Ruling(NAME, False, f"sight is not proved after {steps} steps of training")
    if min(moved) < least:
        why = f"blanked frames moved the answers by {min(moved):.2g} nats, less than {least:g}"
        return Ruling(NAME, False, f"the model does not use what it sees: {why}")
    return Ruling(NAME, True, f"sight is proved over {steps} steps: {min(moved):.2g} nats or more")


def _moves(check: Mapping[str, Any]) -> list[float]:
    return [float(value) for key, value in check.items() if key.startswith(USED)]
