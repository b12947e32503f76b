"""The rules that a model must pass to become champion: one file each; `gate.rules` names them."""

from touchline.gate import better, floors, ledger, licence, sight, sports
from touchline.gate.case import Rule

RULES: dict[str, Rule] = {
    "floors": floors.rule,
    "sports": sports.rule,
    "better": better.rule,
    "ledger": ledger.rule,
    "licence": licence.rule,
    "sight": sight.rule,
}
