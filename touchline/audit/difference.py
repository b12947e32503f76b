"""What differs between two versions: packages of a lock, rows of tables, and by how much."""

import re
from collections.abc import Sequence
from pathlib import Path

PIN = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;]+)", re.MULTILINE)
SHOWN = 3  # ids that are named


def pins(lock: str) -> dict[str, str]:
    """Package -> version of a requirements file."""
    return dict(PIN.findall(lock))


def rows(before: Sequence[Path], after: Sequence[Path]) -> str:
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
