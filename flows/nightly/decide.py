"""Apply the configured promotion rules to a challenger and summarise the decision in
one sentence.
"""

from dataclasses import dataclass

from flows.nightly.promotion_case import PromotionCase, PromotionSettings, Ruling
from flows.nightly.promotion_rules import PROMOTION_RULES
from touchline.errors import InputError


@dataclass(frozen=True)
class PromotionDecision:
    """Whether the challenger becomes champion, with every rule's ruling in the configured order."""

    promote: bool
    rulings: list[Ruling]
    sentence: str


def decide_promotion(case: PromotionCase, gate: PromotionSettings) -> PromotionDecision:
    """Apply all rules, even after one fails, so that a refusal lists all its causes. Raises
    `InputError` if no rule or an unknown one is configured.
    """
    if not gate.rules:
        raise InputError("params.yaml: gate.rules", "no rule is declared", "name at least one")
    rulings = [apply_promotion_rule(case, gate, name) for name in gate.rules]
    failed = [ruling for ruling in rulings if not ruling.holds]
    if failed:
        causes = "; ".join(f"{ruling.rule}: {ruling.why}" for ruling in failed)
        return PromotionDecision(False, rulings, f"{case.name} is refused. {causes}.")
    why = f"all {len(rulings)} rules hold"
    if not case.champion:
        why = f"there was none before, so it had only the floors to beat, and {why}"
    return PromotionDecision(True, rulings, f"{case.name} is the new champion: {why}.")


def apply_promotion_rule(case: PromotionCase, gate: PromotionSettings, name: str) -> Ruling:
    """Apply one rule by name. Raises `InputError` for an unknown rule."""
    if name not in PROMOTION_RULES:
        rule_names = ", ".join(PROMOTION_RULES)
        raise InputError(f"params.yaml: gate.rules: {name}", "there is no such rule", rule_names)
    return PROMOTION_RULES[name](case, gate)
