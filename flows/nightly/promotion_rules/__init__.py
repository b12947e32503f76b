"""The rules that a model must pass to become champion: one file each; `gate.rules` names them."""

from flows.nightly.promotion_case import Rule
from flows.nightly.promotion_rules import better, floors, ledger, licence, sight, sports

RULES: dict[str, Rule] = {
    "floors": floors.rule,
    "sports": sports.rule,
    "better": better.rule,
    "ledger": ledger.rule,
    "licence": licence.rule,
    "sight": sight.rule,
}
