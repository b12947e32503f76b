"""Two versions of a product: the same bytes, the same within a tolerance, or where they part."""

import json
import math
from collections.abc import Iterator, Mapping
from itertools import zip_longest
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import pyarrow.parquet as pq

Kind = Literal["identical", "within", "different"]
BLOCK = 1 << 20


class Verdict(NamedTuple):
    """How two versions stand to each other; `where` names the first place that differs."""

    kind: Kind
    where: str = ""


class Gap(NamedTuple):
    """A place that differs, and by how much of its value; infinite for what is no number."""

    where: str
    share: float


def products(old: Mapping[str, Path], new: Mapping[str, Path], tolerance: float) -> Verdict:
    """Compare two folders, given as path -> file; the first difference in the order of paths."""
    far: list[str] = []
    near = False
    for name in sorted({*old, *new}):
        if name not in new or name not in old:
            far.append(f"{name} is {'missing' if name not in new else 'new'}")
            continue
        found = files(old[name], new[name], tolerance)
        near = near or found.kind == "within"
        if found.kind == "different":
            far.append(f"{name}{found.where}")
    if far:
        return Verdict("different", far[0] + (f" (and {len(far) - 1} more)" if far[1:] else ""))
    return Verdict("within" if near else "identical")


def files(old: Path, new: Path, tolerance: float) -> Verdict:
    """Compare two files by what they are; bytes first."""
    if (at := _first_byte(old, new)) is None:
        return Verdict("identical")
    kinds = {".json": _json, ".parquet": _parquet, ".safetensors": _weights}
    gaps = kinds.get(new.suffix, _bytes)(old, new)
    first = next((gap for gap in gaps if gap.share > tolerance), None)
    if first is None:
        said = "the same content in other bytes" if new.suffix in kinds else ""
        return Verdict("within", said)
    return Verdict("different", f": {first.where}" if first.where else f", byte {at}")


def _first_byte(old: Path, new: Path) -> int | None:
    """Where they differ first, from 0; None for equal files."""
    with old.open("rb") as a, new.open("rb") as b:
        place = 0
        while True:
            left, right = a.read(BLOCK), b.read(BLOCK)
            if left != right:
                pairs = enumerate(zip_longest(left, right))
                return place + next(n for n, (x, y) in pairs if x != y)
            if not left:
                return None
            place += len(left)


def _bytes(old: Path, new: Path) -> Iterator[Gap]:
    try:
        lines = zip_longest(
            old.read_text("utf-8").splitlines(), new.read_text("utf-8").splitlines()
        )
        number = next((n for n, (a, b) in enumerate(lines, 1) if a != b), None)
    except UnicodeDecodeError:
        number = None
    yield Gap(f"line {number}" if number else "", math.inf)


def _json(old: Path, new: Path) -> Iterator[Gap]:
    try:
        yield from _values("", json.loads(old.read_bytes()), json.loads(new.read_bytes()))
    except ValueError:
        yield from _bytes(old, new)


def _values(where: str, old: Any, new: Any) -> Iterator[Gap]:
    """Gaps between two values of JSON, by pointer."""
    if isinstance(old, dict) and isinstance(new, dict):
        for key in sorted({*old, *new}):
            if key in old and key in new:
                yield from _values(f"{where}/{key}", old[key], new[key])
            else:
                yield Gap(f"{where}/{key} is {'missing' if key in old else 'new'}", math.inf)
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for number, (a, b) in enumerate(zip(old, new, strict=True)):
            yield from _values(f"{where}/{number}", a, b)
    elif old != new:
        yield Gap(f"{where} was {_brief(old)}, is {_brief(new)}", _share(old, new))


def _share(old: Any, new: Any) -> float:
    """The gap between two numbers as a share of the larger one; none between two NaN."""
    if not all(isinstance(v, int | float) and not isinstance(v, bool) for v in (old, new)):
        return math.inf
    if math.isnan(old) and math.isnan(new):
        return 0.0
    finite = math.isfinite(old) and math.isfinite(new)  # of others the quotient is no number
    return abs(old - new) / max(abs(old), abs(new)) if finite else math.inf


def _brief(value: Any) -> str:
    said = json.dumps(value, ensure_ascii=False)
    return said if len(said) <= 40 else f"{said[:37]}..."


def _parquet(old: Path, new: Path) -> Iterator[Gap]:
    """Row and column of each difference; not the values, which may be under an NDA."""
    a, b = pq.read_table(old), pq.read_table(new)
    if a.schema.names != b.schema.names:
        strange = sorted(set(a.schema.names) ^ set(b.schema.names))
        yield Gap(f"other columns: {', '.join(strange) or 'in another order'}", math.inf)
        return
    rows = min(a.num_rows, b.num_rows)
    unlike = [name for name in a.schema.names if not a[name][:rows].equals(b[name][:rows])]
    for number in range(rows):
        for name in unlike:
            left, right = a[name][number].as_py(), b[name][number].as_py()
            if left != right:
                yield Gap(f"row {number}, column {name}", _share(left, right))
    if a.num_rows != b.num_rows:
        yield Gap(f"{a.num_rows} rows before, {b.num_rows} now", math.inf)


def _weights(old: Path, new: Path) -> Iterator[Gap]:
    """The largest gap of each tensor, as a share of its largest value."""
    from safetensors import safe_open

    with safe_open(old, "pt") as a, safe_open(new, "pt") as b:
        if set(a.keys()) != set(b.keys()):
            yield Gap("other tensors", math.inf)
            return
        for name in sorted(a.keys()):
            left, right = (one.get_tensor(name).double().numpy() for one in (a, b))
            if left.shape != right.shape:
                yield Gap(f"tensor {name} has another shape", math.inf)
            elif not np.array_equal(left, right, equal_nan=True):
                yield Gap(f"tensor {name}", _apart(left, right))


def _apart(left: np.ndarray, right: np.ndarray) -> float:
    """The largest gap of two unlike tensors; infinite where one has a NaN or infinity."""
    if not (np.isfinite(left).all() and np.isfinite(right).all()):
        return math.inf
    return float(np.abs(left - right).max() / max(np.abs(left).max(), np.abs(right).max()))
