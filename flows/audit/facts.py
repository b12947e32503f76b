"""What an audit is made of: a run's record, and beside it what was found of its files."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from touchline.ledger import SCHEMA, STATES

FORMULA = "watt hours = CPU seconds x stated watts of a busy core / 3600; GPUs are not in it"


def estimate(record: Mapping[str, Any], watts: float) -> dict[str, Any]:
    """Watt hours of each stage that ran in this run, and of all. Nothing was measured."""
    spent = {n: s["cpu_seconds"] for n, s in record["stages"].items() if s["cpu_seconds"]}
    hours = {name: round(seconds * watts / 3600, 4) for name, seconds in spent.items()}
    return {
        "formula": FORMULA,
        "watts": watts,
        "cpu_seconds": round(sum(spent.values()), 2),
        "stages": hours,
        "watt_hours": round(sum(hours.values()), 4),
    }


@dataclass(frozen=True)
class Case:
    """One run, and of what in it the audit is asked."""

    run: dict[str, Any]  # the record, as it stands in its JSON
    subject: dict[str, Any]  # kind (run, model, metric), name, and its digest or value
    products: Path  # the tables and descriptions of the products, below their paths
    texts: dict[str, bytes]  # what models were told in words, by the path in the project
    files: dict[str, bytes]  # params.yaml, dvc.yaml, requirements.lock, as the run had them
    events: dict[str, bytes]  # run -> its part of the chain of events
    origins: dict[str, str]  # stage -> the run that made what stands now
    about: dict[str, str]  # stage -> dvc.yaml's sentence on it
    models: dict[str, str]  # path of a model -> its digest
    watts: float  # of a busy core, stated by whoever runs it
    digests: dict[str, dict[str, str]] = field(default_factory=dict)  # product -> file -> md5
    missing: list[str] = field(default_factory=list)  # products whose objects were collected

    def terms(self, path: str) -> str:
        """open, request, nda, or "" where the product does not say."""
        return next((f["terms"] for f in self.made() if f["path"] == path), "")

    def made(self) -> list[dict[str, Any]]:
        return [file for stage in self.run["stages"].values() for file in stage["products"]]

    def scores(self) -> Iterator[tuple[str, str, str, str, dict[str, Any]]]:
        """(stage, candidate, task, metric, its value and interval) of all that was scored."""
        for stage, done in self.run["stages"].items():
            for name, tasks in done["metrics"].get("candidates", {}).items():
                for task, metrics in tasks.items():
                    for metric, found in metrics.items():
                        if isinstance(found, dict) and found.get("value") is not None:
                            yield stage, name, task, metric, found


LEDGER = "ledger.parquet"
WITHHELD = "withheld: NDA"
MOST = 12  # reasons that are named; the rest is counted


def tables(product: Path) -> list[Path]:
    """The Parquet files of a product, its ledger apart."""
    if product.is_file():
        return [product] if product.suffix == ".parquet" else []
    return sorted(path for path in product.rglob("*.parquet") if path.name != LEDGER)


def count_product_rows(product: Path) -> int | None:
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


PIN = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;]+)", re.MULTILINE)
SHOWN = 3  # ids that are named


def pins(lock: str) -> dict[str, str]:
    """Package -> version of a requirements file."""
    return dict(PIN.findall(lock))


def describe_row_changes(before: Sequence[Path], after: Sequence[Path]) -> str:
    """In words how the tables of a product changed, by `id` where they have one."""
    old, new = _ids(before), _ids(after)
    counts = f"{_count(before):,} rows before, {_count(after):,} now"
    if old is None or new is None:
        return counts
    gone, come = [id for id in old if id not in new], [id for id in new if id not in old]
    return f"{counts}{_some(' new', come)}{_some(' gone', gone)}"


def _count(tables: Sequence[Path]) -> int:
    import pyarrow.parquet as pq

    return sum(pq.read_metadata(path).num_rows for path in tables)


def _ids(tables: Sequence[Path]) -> dict[str, None] | None:
    """In the order of the rows; None where a table has no ids."""
    import pyarrow.parquet as pq

    found: dict[str, None] = {}
    for path in tables:
        if "id" not in pq.read_schema(path).names:
            return None
        found |= dict.fromkeys(map(str, pq.read_table(path, columns=["id"])["id"].to_pylist()))
    return found


def _some(what: str, ids: Sequence[str]) -> str:
    if not ids:
        return ""
    more = ", ..." if ids[SHOWN:] else ""
    return f"; {len(ids):,}{what}: {', '.join(ids[:SHOWN])}{more}"
