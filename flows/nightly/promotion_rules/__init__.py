"""Rules that a model must pass to become champion, by the name used in `gate.rules` of
params.yaml.
"""

from flows.nightly.promotion_case import PromotionRule
from flows.nightly.promotion_rules import better, floors, ledger, licence, sight, sports

PROMOTION_RULES: dict[str, PromotionRule] = {
    "floors": floors.check_above_floors,
    "sports": sports.check_no_sport_worse,
    "better": better.check_better_than_champion,
    "ledger": ledger.check_data_ledgers,
    "licence": licence.check_data_licence,
    "sight": sight.check_vision_proof,
}
