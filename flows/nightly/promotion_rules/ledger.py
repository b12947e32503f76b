"""Rule: each data stage behind the model accounts for every one of its rows."""

from flows.nightly.promotion_case import Case, Gate, Ruling

NAME = "ledger"


def rule(case: Case, gate: Gate) -> Ruling:
    if not case.ledgers:
        return Ruling(NAME, False, "no ledger of the data behind the model was found")
    wrong = [
        f"{stage}: {totals['wrong']}" for stage, totals in case.ledgers.items() if totals["wrong"]
    ]
    if wrong:
        return Ruling(NAME, False, f"rows are not accounted for ({'; '.join(wrong)})")
    rows = sum(totals["rows"] for totals in case.ledgers.values())
    return Ruling(NAME, True, f"all {rows:,} rows of {len(case.ledgers)} stages are accounted for")
