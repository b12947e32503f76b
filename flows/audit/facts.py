"""The data from which an audit folder is written: a run's record and what was found of
its files.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from touchline.ledger import LEDGER_SCHEMA, LEDGER_STATES

FORMULA = "watt hours = CPU seconds x stated watts of a busy core / 3600; GPUs are not in it"


def estimate_run_energy(record: Mapping[str, Any], watts: float) -> dict[str, Any]:
    """Estimated watt hours of each stage that ran and in total, with the formula. Nothing is
    measured.
    """
    cpu_seconds = {n: s["cpu_seconds"] for n, s in record["stages"].items() if s["cpu_seconds"]}
    hours = {name: round(seconds * watts / 3600, 4) for name, seconds in cpu_seconds.items()}
    return {
        "formula": FORMULA,
        "watts": watts,
        "cpu_seconds": round(sum(cpu_seconds.values()), 2),
        "stages": hours,
        "watt_hours": round(sum(hours.values()), 4),
    }


@dataclass(frozen=True)
class AuditCase:
    """One run, and the target in it (run, model or metric) that is audited."""

    run: dict[str, Any]  # the record, as it stands in its JSON
    subject: dict[str, Any]  # kind (run, model, metric), name, and its digest or value
    products: Path  # the tables and descriptions of the products, below their paths
    texts: dict[str, bytes]  # what models were told in words, by the path in the project
    files: dict[str, bytes]  # params.yaml, dvc.yaml, requirements.lock, as the run had them
    events: dict[str, bytes]  # run -> its part of the chain of events
    origins: dict[str, str]  # stage -> the run that made what stands now
    about: dict[str, str]  # stage -> dvc.yaml's sentence on it
    models: dict[str, str]  # path of a model -> its digest
    approaches: dict[str, str]  # path of a model -> how it learned, as dvc.yaml states it
    watts: float  # of a busy core, stated by whoever runs it
    digests: dict[str, dict[str, str]] = field(default_factory=dict)  # product -> file -> md5
    missing: list[str] = field(default_factory=list)  # products whose objects were collected

    def terms(self, path: str) -> str:
        """open, request, nda, or "" where the product does not say."""
        return next((f["terms"] for f in self.product_files() if f["path"] == path), "")

    def product_files(self) -> list[dict[str, Any]]:
        """The products of all stages, as dicts of the run's JSON record."""
        return [file for stage in self.run["stages"].values() for file in stage["products"]]

    def scores(self) -> Iterator[tuple[str, str, str, str, dict[str, Any]]]:
        """(stage, candidate, task, metric, {value, low, high, n}) of everything that was scored."""
        for stage, done in self.run["stages"].items():
            for name, tasks in done["metrics"].get("candidates", {}).items():
                for task, metrics in tasks.items():
                    for metric, score in metrics.items():
                        if isinstance(score, dict) and score.get("value") is not None:
                            yield stage, name, task, metric, score


LEDGER_FILE = "ledger.parquet"
WITHHELD_REASON = "withheld: NDA"
MAX_REASONS = 12  # reasons that are named; the rest is counted


def list_parquet_files(product: Path) -> list[Path]:
    """The Parquet files of a product, without its ledger."""
    if product.is_file():
        return [product] if product.suffix == ".parquet" else []
    return sorted(path for path in product.rglob("*.parquet") if path.name != LEDGER_FILE)


def count_product_rows(product: Path) -> int | None:
    """Total rows of a product's Parquet files; None if it has none."""
    parquet_files = list_parquet_files(product)
    return sum(pq.read_metadata(path).num_rows for path in parquet_files) if parquet_files else None


def count_ledger_states(ledger: Path, withheld: bool) -> dict[str, Any] | None:
    """Row totals of a ledger by state, and of the dropped rows by reason. Reasons are hidden if
    `withheld` (NDA content). None if it is not a ledger.
    """
    if not ledger.is_file() or pq.read_schema(ledger).names != LEDGER_SCHEMA.names:
        return None
    table = pq.ParquetFile(ledger).read()  # read_table imports pandas: two seconds
    states, reasons = table["state"].to_pylist(), table["reason"].to_pylist()
    totals = Counter(states)
    dropped = Counter(r for s, r in zip(states, reasons, strict=True) if s == "dropped")
    named = (
        {WITHHELD_REASON: dropped.total()}
        if withheld and dropped
        else dict(dropped.most_common(MAX_REASONS))
    )
    if remaining := dropped.total() - sum(named.values()):
        named["other reasons"] = remaining
    return {"rows": len(states), **{s: totals[s] for s in LEDGER_STATES}, "reasons": named}


MAX_IDS = 3  # ids that are named


def describe_row_changes(before: Sequence[Path], after: Sequence[Path]) -> str:
    """How the rows of a product changed, in words: counts, and new and removed ids if every table
    has a column `id`.
    """
    old_ids, new_ids = _read_ids(before), _read_ids(after)
    counts = f"{_count_rows(before):,} rows before, {_count_rows(after):,} now"
    if old_ids is None or new_ids is None:
        return counts
    removed, added = (
        [id for id in old_ids if id not in new_ids],
        [id for id in new_ids if id not in old_ids],
    )
    return f"{counts}{_list_ids(' new', added)}{_list_ids(' gone', removed)}"


def _count_rows(tables: Sequence[Path]) -> int:
    import pyarrow.parquet as pq

    return sum(pq.read_metadata(path).num_rows for path in tables)


def _read_ids(tables: Sequence[Path]) -> dict[str, None] | None:
    """The values of `id` in row order; None if a table has no such column."""
    import pyarrow.parquet as pq

    ids: dict[str, None] = {}
    for path in tables:
        if "id" not in pq.read_schema(path).names:
            return None
        ids |= dict.fromkeys(map(str, pq.read_table(path, columns=["id"])["id"].to_pylist()))
    return ids


def _list_ids(label: str, ids: Sequence[str]) -> str:
    if not ids:
        return ""
    more = ", ..." if ids[MAX_IDS:] else ""
    return f"; {len(ids):,}{label}: {', '.join(ids[:MAX_IDS])}{more}"
