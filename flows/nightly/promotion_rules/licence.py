"""Rule: the model says what it was trained on, and a champion may be trained on that."""

from flows.nightly.promotion_case import Case, Gate, Ruling

NAME = "licence"


def rule(case: Case, gate: Gate) -> Ruling:
    if not case.terms:
        return Ruling(NAME, False, "the model does not say the terms of its data (terms.json)")
    if case.terms not in gate.terms:
        allowed = ", ".join(gate.terms) or "none"
        return Ruling(
            NAME, False, f"its data is under the terms `{case.terms}`; allowed: {allowed}"
        )
    return Ruling(NAME, True, f"its data is under the terms `{case.terms}`")
