"""How many rows each product has, and what its ledger says became of the rows before it."""

from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from touchline.ledger import SCHEMA, STATES

LEDGER = "ledger.parquet"
WITHHELD = "withheld: NDA"
MOST = 12  # reasons that are named; the rest is counted


def tables(product: Path) -> list[Path]:
    """The Parquet files of a product, its ledger apart."""
    if product.is_file():
        return [product] if product.suffix == ".parquet" else []
    return sorted(path for path in product.rglob("*.parquet") if path.name != LEDGER)


def rows(product: Path) -> int | None:
    """Rows of all tables of a product; None where it has none."""
    found = tables(product)
    return sum(pq.read_metadata(path).num_rows for path in found) if found else None


def fates(ledger: Path, withheld: bool) -> dict[str, Any] | None:
    """Totals by state and by reason of the drops; reasons of NDA content are not told."""
    if not ledger.is_file() or pq.read_schema(ledger).names != SCHEMA.names:
        return None
    table = pq.ParquetFile(ledger).read()  # read_table imports pandas: two seconds
    states, why = table["state"].to_pylist(), table["reason"].to_pylist()
    totals = Counter(states)
    dropped = Counter(r for s, r in zip(states, why, strict=True) if s == "dropped")
    named = {WITHHELD: dropped.total()} if withheld and dropped else dict(dropped.most_common(MOST))
    if rest := dropped.total() - sum(named.values()):
        named["other reasons"] = rest
    return {"rows": len(states), **{s: totals[s] for s in STATES}, "reasons": named}
