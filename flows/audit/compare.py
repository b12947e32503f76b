"""Compare two versions of a product: identical bytes, equal within a tolerance, or where they
differ.
"""

import json
import math
from collections.abc import Iterator, Mapping
from itertools import zip_longest
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import pyarrow.parquet as pq

ComparisonKind = Literal["identical", "within", "different"]
BLOCK = 1 << 20


class ProductComparison(NamedTuple):
    """Result of a comparison; `where` names the first difference."""

    kind: ComparisonKind
    where: str = ""


class Deviation(NamedTuple):
    """A place that differs, and the relative difference of its value; infinite if it is not a
    number.
    """

    where: str
    share: float


def compare_products(
    old: Mapping[str, Path], new: Mapping[str, Path], tolerance: float
) -> ProductComparison:
    """Compare two folders, given as {path: file}. `where` of the result is the first difference in
    path order.
    """
    differences: list[str] = []
    any_within = False
    for name in sorted({*old, *new}):
        if name not in new or name not in old:
            differences.append(f"{name} is {'missing' if name not in new else 'new'}")
            continue
        comparison = compare_files(old[name], new[name], tolerance)
        any_within = any_within or comparison.kind == "within"
        if comparison.kind == "different":
            differences.append(f"{name}{comparison.where}")
    if differences:
        return ProductComparison(
            "different",
            differences[0] + (f" (and {len(differences) - 1} more)" if differences[1:] else ""),
        )
    return ProductComparison("within" if any_within else "identical")


def compare_files(old: Path, new: Path, tolerance: float) -> ProductComparison:
    """Compare two files: bytes first, then by type (JSON, Parquet, safetensors, text lines).
    Numbers may differ by the relative `tolerance`.
    """
    if (at := _first_differing_byte(old, new)) is None:
        return ProductComparison("identical")
    kinds = {".json": _compare_json, ".parquet": _compare_parquet, ".safetensors": _compare_weights}
    gaps = kinds.get(new.suffix, _compare_lines)(old, new)
    first = next((gap for gap in gaps if gap.share > tolerance), None)
    if first is None:
        note = "the same content in other bytes" if new.suffix in kinds else ""
        return ProductComparison("within", note)
    return ProductComparison("different", f": {first.where}" if first.where else f", byte {at}")


def _first_differing_byte(old: Path, new: Path) -> int | None:
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


def _compare_lines(old: Path, new: Path) -> Iterator[Deviation]:
    try:
        lines = zip_longest(
            old.read_text("utf-8").splitlines(), new.read_text("utf-8").splitlines()
        )
        number = next((n for n, (a, b) in enumerate(lines, 1) if a != b), None)
    except UnicodeDecodeError:
        number = None
    yield Deviation(f"line {number}" if number else "", math.inf)


def _compare_json(old: Path, new: Path) -> Iterator[Deviation]:
    try:
        yield from _compare_values("", json.loads(old.read_bytes()), json.loads(new.read_bytes()))
    except ValueError:
        yield from _compare_lines(old, new)


def _compare_values(where: str, old: Any, new: Any) -> Iterator[Deviation]:
    """Gaps between two values of JSON, by pointer."""
    if isinstance(old, dict) and isinstance(new, dict):
        for key in sorted({*old, *new}):
            if key in old and key in new:
                yield from _compare_values(f"{where}/{key}", old[key], new[key])
            else:
                yield Deviation(f"{where}/{key} is {'missing' if key in old else 'new'}", math.inf)
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for number, (a, b) in enumerate(zip(old, new, strict=True)):
            yield from _compare_values(f"{where}/{number}", a, b)
    elif old != new:
        yield Deviation(f"{where} was {_shorten(old)}, is {_shorten(new)}", _relative_gap(old, new))


def _relative_gap(old: Any, new: Any) -> float:
    """Relative difference of two numbers, to the larger one; 0 for two NaN, infinite for other
    types.
    """
    if not all(isinstance(v, int | float) and not isinstance(v, bool) for v in (old, new)):
        return math.inf
    if math.isnan(old) and math.isnan(new):
        return 0.0
    finite = math.isfinite(old) and math.isfinite(new)  # of others the quotient is not a number
    return abs(old - new) / max(abs(old), abs(new)) if finite else math.inf


def _shorten(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 40 else f"{text[:37]}..."


def _compare_parquet(old: Path, new: Path) -> Iterator[Deviation]:
    """Row and column of each difference; not the values, which may be under an NDA."""
    a, b = pq.read_table(old), pq.read_table(new)
    if a.schema.names != b.schema.names:
        unshared = sorted(set(a.schema.names) ^ set(b.schema.names))
        yield Deviation(f"other columns: {', '.join(unshared) or 'in another order'}", math.inf)
        return
    rows = min(a.num_rows, b.num_rows)
    unlike = [name for name in a.schema.names if not a[name][:rows].equals(b[name][:rows])]
    for number in range(rows):
        for name in unlike:
            left, right = a[name][number].as_py(), b[name][number].as_py()
            if left != right:
                yield Deviation(f"row {number}, column {name}", _relative_gap(left, right))
    if a.num_rows != b.num_rows:
        yield Deviation(f"{a.num_rows} rows before, {b.num_rows} now", math.inf)


def _compare_weights(old: Path, new: Path) -> Iterator[Deviation]:
    """The largest gap of each tensor, as a share of its largest value."""
    from safetensors import safe_open

    with safe_open(old, "pt") as a, safe_open(new, "pt") as b:
        if set(a.keys()) != set(b.keys()):
            yield Deviation("other tensors", math.inf)
            return
        for name in sorted(a.keys()):
            left, right = (weights.get_tensor(name).double().numpy() for weights in (a, b))
            if left.shape != right.shape:
                yield Deviation(f"tensor {name} has another shape", math.inf)
            elif not np.array_equal(left, right, equal_nan=True):
                yield Deviation(f"tensor {name}", _relative_tensor_gap(left, right))


def _relative_tensor_gap(left: np.ndarray, right: np.ndarray) -> float:
    """The largest gap of two unlike tensors; infinite where one has a NaN or infinity."""
    if not (np.isfinite(left).all() and np.isfinite(right).all()):
        return math.inf
    return float(np.abs(left - right).max() / max(np.abs(left).max(), np.abs(right).max()))
