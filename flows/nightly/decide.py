"""Put all declared rules to a case and say in one sentence what follows."""

from dataclasses import dataclass

from flows.nightly.promotion_case import Case, Gate, Ruling
from flows.nightly.promotion_rules import RULES
from touchline.errors import BadInput


@dataclass(frozen=True)
class Decision:
    """Whether the challenger becomes champion; every rule's ruling, in their order."""

    promote: bool
    rulings: list[Ruling]
    sentence: str


def decide(case: Case, gate: Gate) -> Decision:
    """Every rule is asked, also after one that fails: a refusal names all of its causes."""
    if not gate.rules:
        raise BadInput("params.yaml: gate.rules", "no rule is declared", "name at least one")
    rulings = [ruled(case, gate, name) for name in gate.rules]
    failed = [ruling for ruling in rulings if not ruling.holds]
    if failed:
        causes = "; ".join(f"{ruling.rule}: {ruling.why}" for ruling in failed)
        return Decision(False, rulings, f"{case.name} is refused. {causes}.")
    why = f"all {len(rulings)} rules hold"
    if not case.champion:
        why = f"there was none before, so it had only the floors to beat, and {why}"
    return Decision(True, rulings, f"{case.name} is the new champion: {why}.")


def ruled(case: Case, gate: Gate, name: str) -> Ruling:
    if name not in RULES:
        known = ", ".join(RULES)
        raise BadInput(f"params.yaml: gate.rules: {name}", "there is no such rule", known)
    return RULES[name](case, gate)
