"""Seeded mutations of Parquet files: of columns, of values, of bytes."""

from io import BytesIO
from random import Random
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from tests.fuzz import mutate

NUMBERS = (float("nan"), float("inf"), -1.0, 0.0, 1e308, 5e-324, 1e18)
WHOLE = (-1, 0, 1, 2**31, 2**63 - 1, -(2**63))


def change(data: bytes, random: Random) -> bytes:
    """Two times of three a value is changed, else a column, the rows or the bytes."""
    table = pq.read_table(BytesIO(data))
    draw = random.random()
    if draw < 0.15:
        return mutate.scrambled(data, random)
    if draw < 0.65 and table.num_rows:
        table = _value(table, random)
    elif draw < 0.9:
        table = _column(table, random)
    else:
        table = _rows(table, random)
    out = BytesIO()
    pq.write_table(table, out)
    return out.getvalue()


def _value(table: pa.Table, random: Random) -> pa.Table:
    """One value of the column's own type, or null."""
    at = random.randrange(table.num_columns)
    values = table.column(at).to_pylist()
    values[random.randrange(len(values))] = _drawn(table.schema.field(at).type, random)
    field = table.schema.field(at).with_nullable(True)
    return table.set_column(at, field, pa.array(values, field.type))


def _drawn(kind: pa.DataType, random: Random) -> Any:
    if random.random() < 0.15:
        return None
    if pa.types.is_list(kind):
        return [_drawn(kind.value_type, random) for _ in range(random.choice((0, 1, 2, 3, 500)))]
    if pa.types.is_floating(kind):
        return random.choice(NUMBERS)
    if pa.types.is_integer(kind):
        return random.choice(WHOLE)
    if pa.types.is_boolean(kind):
        return random.random() < 0.5
    return random.choice([text for text in mutate.TEXTS if "\ud800" not in text])


def _column(table: pa.Table, random: Random) -> pa.Table:
    """One column of another type, of another name, twice, at another place, or not at all."""
    at = random.randrange(table.num_columns)
    name, count = table.column_names[at], table.num_rows
    others = (
        pa.array([None] * count, pa.null()),
        pa.array(["x"] * count),
        pa.array([1] * count, pa.int64()),
        pa.array([0.5] * count),
        pa.array([b"\xff"] * count, pa.binary()),
        pa.array([[1]] * count, pa.list_(pa.int64())),
        pa.array([{"a": 1}] * count, pa.struct([("a", pa.int64())])),
        pa.array([0] * count, pa.timestamp("ns")),
    )
    ways = (
        lambda: table.set_column(at, name, random.choice(others)),
        lambda: table.set_column(at, name, random.choice(others)),
        lambda: table.set_column(at, random.choice(("x", "", "../x", "id")), table.column(at)),
        lambda: table.append_column(name, table.column(at)),
        lambda: table.append_column("more", random.choice(others)),
        lambda: table.remove_column(at),
        lambda: table.select(random.sample(table.column_names, table.num_columns)),
        lambda: table.replace_schema_metadata({"pandas": "{", "ARROW:schema": "nonsense"}),
    )
    return random.choice(ways)()


def _rows(table: pa.Table, random: Random) -> pa.Table:
    """No row, one twice, or all in another order."""
    at = random.randrange(max(1, table.num_rows))
    order = random.sample(range(table.num_rows), table.num_rows)
    ways = (
        lambda: table.slice(0, 0),
        lambda: pa.concat_tables([table, table.slice(at, 1)]),
        lambda: table.take(order),
    )
    return random.choice(ways)()
