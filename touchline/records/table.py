"""The row types exchanged between stages; each is a dataclass stored as a Parquet file with a fixed
schema.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Protocol, TypeVar, get_type_hints

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from touchline.atomic import atomic_file
from touchline.errors import InputError

ARROW_TYPES = {
    str: pa.string(),
    int: pa.int64(),
    float: pa.float64(),
    bool: pa.bool_(),
    bytes: pa.binary(),
    list[str]: pa.list_(pa.string()),
    list[float]: pa.list_(pa.float64()),
    list[int]: pa.list_(pa.int64()),
}
RERUN_STAGE = "rerun its stage"
MAX_NUMBER = 1e15


Record = TypeVar("Record")  # any dataclass whose fields have types of ARROW_TYPES


class HasId(Protocol):
    """A record with an id."""

    @property
    def id(self) -> str: ...


RecordWithId = TypeVar("RecordWithId", bound=HasId)


def build_arrow_schema(kind: type) -> pa.Schema:
    """The Arrow schema of a record class in field order; no column is nullable."""
    hints = get_type_hints(kind)
    return pa.schema(
        [pa.field(f.name, ARROW_TYPES[hints[f.name]], nullable=False) for f in fields(kind)]
    )


def write_records(path: Path, kind: type[Record], rows: Iterable[Record]) -> None:
    """Write rows to a Parquet file atomically, in the given order; equal rows give equal bytes."""
    rows, arrow_schema = list(rows), build_arrow_schema(kind)
    columns = [pa.array([getattr(row, f.name) for row in rows], f.type) for f in arrow_schema]
    table = pa.Table.from_arrays(columns, schema=arrow_schema)
    with atomic_file(path) as draft:
        pq.write_table(table, draft, compression="zstd")


def read_records(path: Path, kind: type[Record]) -> list[Record]:
    """Read the rows of a Parquet file. Raises InputError if the file is missing or unreadable, or
    its columns, types or values do not fit `kind`.
    """
    if not path.is_file():
        raise InputError(path, "is missing", "run the stage that makes it")
    table = _cast_table(path, _read_table(path), kind)
    columns = [_python_values(column) for column in table.columns]
    return [kind(*row) for row in zip(*columns, strict=True)]


def _read_table(path: Path) -> pa.Table:
    """The whole table, all of its values valid; an older Arrow may have written it."""
    try:
        table = pq.ParquetFile(path).read()
        table.validate(full=True)  # texts in UTF-8, among others
    except (pa.ArrowException, OSError, ValueError) as error:
        reason = str(error).split("\n")[0][:200]
        raise InputError(
            path, f"is not a Parquet file that can be read ({reason})", RERUN_STAGE
        ) from None
    return table


def _cast_table(path: Path, table: pa.Table, kind: type) -> pa.Table:
    """The table in the schema of the noun; another column, type, null or NaN is a `InputError`."""
    expected_schema = build_arrow_schema(kind)
    if table.column_names != expected_schema.names:
        differing_columns = sorted(set(table.column_names) ^ set(expected_schema.names))[:9]
        raise InputError(
            path, f"columns differ from {kind.__name__}: {differing_columns}", RERUN_STAGE
        )
    for field in expected_schema:
        column = table.column(field.name)
        if _type_family(column.type) != _type_family(field.type):
            wrong = f"column {field.name!r} is {column.type}, not {field.type}"
            raise InputError(path, wrong, RERUN_STAGE)
        if _has_nulls(column):
            raise InputError(path, f"column {field.name!r} has empty values", RERUN_STAGE)
        if _has_invalid_numbers(column):
            raise InputError(
                path, f"column {field.name!r} has values that are no numbers", RERUN_STAGE
            )
    try:
        return table.cast(expected_schema)
    except pa.ArrowException as error:
        raise InputError(path, f"holds a value out of range ({error})", RERUN_STAGE) from None


def _has_nulls(column: pa.ChunkedArray) -> bool:
    return column.null_count + _flat_values(column).null_count > 0


def _has_invalid_numbers(column: pa.ChunkedArray) -> bool:
    """Whether a time or score is NaN, or so large that sums of it are infinite."""
    inner = _flat_values(column)
    return pa.types.is_floating(inner.type) and not (np.abs(inner.to_numpy()) < MAX_NUMBER).all()


def _flat_values(column: pa.ChunkedArray) -> pa.ChunkedArray | pa.Array:
    """The values of lists, else the column itself."""
    return column.combine_chunks().flatten() if pa.types.is_list(column.type) else column


def _type_family(kind: pa.DataType) -> str:
    """Types that hold the same values: pandas writes large strings for strings."""
    if pa.types.is_list(kind):
        return f"list of {_type_family(kind.value_type)}"
    if pa.types.is_large_string(kind) or pa.types.is_string(kind):
        return "text"
    return "whole" if pa.types.is_integer(kind) else str(kind)


def _python_values(column: pa.ChunkedArray) -> list:
    """As Python values; equal texts are one object, since a million rows share few of them."""
    if column.type != pa.string() or not len(column):
        return column.to_pylist()
    coded = column.combine_chunks().dictionary_encode()
    texts = coded.dictionary.to_pylist()
    return [texts[place] for place in coded.indices.to_pylist()]


def index_by_id(rows: Sequence[RecordWithId]) -> dict[str, RecordWithId]:
    """{id: row}. Raises InputError for a duplicate id."""
    index = {row.id: row for row in rows}
    if len(index) != len(rows):
        ids = [row.id for row in rows]
        duplicate_id = next(id for id in ids if ids.count(id) > 1)
        raise InputError(duplicate_id, "two rows have this id", "make ids unique in the source")
    return index


def pair_times(times: Sequence[float]) -> list[tuple[float, float]]:
    """Turn [start, end, start, end, ...] into (start, end) pairs. Raises ValueError for an odd
    number of times.
    """
    return list(zip(times[::2], times[1::2], strict=True))


def group_by_field(rows: Iterable[Record], key: str) -> defaultdict[str, list[Record]]:
    """Group rows by the field `key`, keeping their order; a missing group is an empty list."""
    groups: defaultdict[str, list[Record]] = defaultdict(list)
    for row in rows:
        groups[getattr(row, key)].append(row)
    return groups
