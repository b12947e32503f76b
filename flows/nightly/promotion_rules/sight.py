"""Rule: training proved that the model's answers depend on the frames.

The proof is the `sight.json` that RL training writes next to the model: whether every step was
compared (`proved`, `steps`), and by how much blank frames changed the answers (`checks`).
"""

from collections.abc import Mapping
from typing import Any

from flows.nightly.promotion_case import PromotionCase, PromotionSettings, Ruling

SIGHT_RULE = "sight"
VISION_KEY_PREFIX = "vision_used"  # nats per token


def check_vision_proof(case: PromotionCase, gate: PromotionSettings) -> Ruling:
    """Pass if the vision proof is complete and blank frames changed the answers by at least its
    `least` nats per token. Without a proof, pass unless `require_sight`.
    """
    if case.sight is None:
        why = "no proof of sight came with the model (sight.json)"
        return Ruling(SIGHT_RULE, not gate.require_sight, why)
    steps, least = case.sight.get("steps", 0), case.sight.get("least", 0.0)
    moved = [value for check in case.sight.get("checks", []) for value in _vision_effects(check)]
    if not case.sight.get("proved") or not moved:
        return Ruling(SIGHT_RULE, False, f"sight is not proved after {steps} steps of training")
    if min(moved) < least:
        why = f"blanked frames moved the answers by {min(moved):.2g} nats, less than {least:g}"
        return Ruling(SIGHT_RULE, False, f"the model does not use what it sees: {why}")
    return Ruling(
        SIGHT_RULE, True, f"sight is proved over {steps} steps: {min(moved):.2g} nats or more"
    )


def _vision_effects(check: Mapping[str, Any]) -> list[float]:
    return [float(value) for key, value in check.items() if key.startswith(VISION_KEY_PREFIX)]
