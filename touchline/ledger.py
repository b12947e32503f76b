"""Row ledger of a data stage: what became of each input row (kept, split or dropped)."""

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from touchline.atomic import atomic_file
from touchline.errors import InputError

LEDGER_SCHEMA = pa.schema([("row", pa.string()), ("state", pa.string()), ("reason", pa.string())])
LEDGER_STATES = ("kept", "split", "dropped")


class RowLedger:
    """Collects one state per input row and writes it as ledger.parquet. Raises InputError for
    duplicate ids, a second state for a row, and rows without a state.
    """

    def __init__(self, rows: Iterable[str]) -> None:
        self.rows = list(rows)
        self.fates: dict[str, tuple[str, str]] = {}
        if len(set(self.rows)) != len(self.rows):
            duplicate, _ = Counter(self.rows).most_common(1)[0]
            raise InputError(duplicate, "this row is in the input twice", "make its id unique")

    def keep(self, row: str) -> None:
        self._set_fate(row, "kept", "")

    def split(self, row: str, reason: str) -> None:
        self._set_fate(row, "split", reason)

    def drop(self, row: str, reason: str) -> None:
        self._set_fate(row, "dropped", reason)

    def _set_fate(self, row: str, state: str, reason: str) -> None:
        if row in self.fates:
            raise InputError(row, f"ended twice: {self.fates[row]} and {state}", "report this bug")
        self.fates[row] = (state, reason)

    def close(self, path: Path) -> dict[str, float]:
        """Write ledger.parquet and return the number of rows per state. Raises InputError if a row
        has no state or was not in the input.
        """
        lost, foreign = set(self.rows) - set(self.fates), set(self.fates) - set(self.rows)
        if lost or foreign:
            row = sorted(lost or foreign)[0]
            wrong = f"{len(lost)} rows have no fate, {len(foreign)} rows were never in the input"
            raise InputError(row, wrong, "report this bug")
        states, reasons = ([self.fates[row][n] for row in self.rows] for n in (0, 1))
        table = pa.table([self.rows, states, reasons], schema=LEDGER_SCHEMA)
        with atomic_file(path) as draft:
            pq.write_table(table, draft, compression="zstd")
        totals = Counter(state for state, _ in self.fates.values())
        return {"rows": len(self.rows), **{state: totals[state] for state in LEDGER_STATES}}
