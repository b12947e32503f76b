"""Rule: the model declares the licence terms of its training data, and they are allowed for a
champion.
"""

from flows.nightly.promotion_case import PromotionCase, PromotionSettings, Ruling

LICENCE_RULE = "licence"


def check_data_licence(case: PromotionCase, gate: PromotionSettings) -> Ruling:
    """Pass if the strictest terms of the model's data are among the allowed ones (`gate.terms`)."""
    if not case.terms:
        return Ruling(
            LICENCE_RULE, False, "the model does not say the terms of its data (terms.json)"
        )
    if case.terms not in gate.terms:
        allowed = ", ".join(gate.terms) or "none"
        return Ruling(
            LICENCE_RULE, False, f"its data is under the terms `{case.terms}`; allowed: {allowed}"
        )
    return Ruling(LICENCE_RULE, True, f"its data is under the terms `{case.terms}`")
