"""Rule: every data stage behind the model accounts for all of its rows."""

from flows.nightly.promotion_case import PromotionCase, PromotionSettings, Ruling

LEDGER_RULE = "ledger"


def check_data_ledgers(case: PromotionCase, gate: PromotionSettings) -> Ruling:
    """Pass if there are row ledgers of the data stages and none of them reports
    unaccounted rows.
    """
    if not case.ledgers:
        return Ruling(LEDGER_RULE, False, "no ledger of the data behind the model was found")
    wrong = [
        f"{stage}: {totals['wrong']}" for stage, totals in case.ledgers.items() if totals["wrong"]
    ]
    if wrong:
        return Ruling(LEDGER_RULE, False, f"rows are not accounted for ({'; '.join(wrong)})")
    rows = sum(totals["rows"] for totals in case.ledgers.values())
    return Ruling(
        LEDGER_RULE, True, f"all {rows:,} rows of {len(case.ledgers)} stages are accounted for"
    )
