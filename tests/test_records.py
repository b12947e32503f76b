"""Tables of rows: what is written is read back, and what is no such table is named."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from touchline.errors import InputError
from touchline.records.caption import Caption
from touchline.records.match_split import StatedSplit
from touchline.records.rollout import Rollout
from touchline.records.speech import Speech
from touchline.records.table import build_arrow_schema, read_records, write_records

LINES = [Speech(f"s{n}", "v", float(n), n + 1.0, f"line {n} é", "t") for n in range(3)]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    write_records(tmp_path / "speech.parquet", Speech, LINES)
    return tmp_path / "speech.parquet"


def table(file: Path) -> pa.Table:
    return pq.read_table(file)


def test_rows_are_read_back_as_they_were_written(file: Path) -> None:
    assert read_records(file, Speech) == LINES


def test_no_rows_are_read_back_too(tmp_path: Path) -> None:
    write_records(tmp_path / "none.parquet", Rollout, [])
    assert read_records(tmp_path / "none.parquet", Rollout) == []


def test_what_pandas_makes_of_a_table_is_read_all_the_same(file: Path) -> None:
    frame = table(file).to_pandas()
    assert pa.Table.from_pandas(frame).schema.field("text").type == pa.large_string()
    frame.to_parquet(file, index=False)
    assert read_records(file, Speech) == LINES


@pytest.mark.parametrize("keep", [0, 4, 100, -1])
def test_a_file_that_was_cut_is_named(file: Path, keep: int) -> None:
    file.write_bytes(file.read_bytes()[:keep])
    with pytest.raises(
        InputError, match=r"speech\.parquet: is not a Parquet file that can be read"
    ):
        read_records(file, Speech)


def test_a_file_with_a_flipped_byte_is_read_right_or_named(file: Path) -> None:
    whole = file.read_bytes()
    for at in range(0, len(whole), 7):
        file.write_bytes(whole[:at] + bytes([whole[at] ^ 0xFF]) + whole[at + 1 :])
        try:
            assert len(read_records(file, Speech)) >= 0
        except InputError as fault:
            assert str(file) in str(fault)


@pytest.mark.parametrize(
    ("column", "values", "words"),
    [
        ("start", pa.array(["0", "1", "2"]), "column 'start' is string, not double"),
        ("start", pa.array([0.0, None, 2.0]), "column 'start' has empty values"),
        ("start", pa.array([0.0, float("inf"), 2.0]), "column 'start' has values that are no"),
        ("start", pa.array([0.0, float("nan"), 2.0]), "column 'start' has values that are no"),
        ("text", pa.array([b"a", b"\xff", b""]), "column 'text' is binary, not string"),
        ("text", pa.array([None] * 3, pa.null()), "column 'text' is null, not string"),
        ("id", pa.array([1, 2, 3]), "column 'id' is int64, not string"),
    ],
)
def test_a_column_of_another_type_is_named(
    file: Path, column: str, values: pa.Array, words: str
) -> None:
    at = table(file).column_names.index(column)
    pq.write_table(table(file).set_column(at, column, values), file)
    with pytest.raises(InputError) as fault:
        read_records(file, Speech)
    assert words in str(fault.value)


def test_texts_that_are_no_utf8_are_named(file: Path) -> None:
    bad = pa.array([b"a", b"\xff", b""], pa.binary()).view(pa.string())
    pq.write_table(table(file).set_column(4, "text", bad), file)
    with pytest.raises(InputError, match="is not a Parquet file that can be read"):
        read_records(file, Speech)


def test_columns_of_another_noun_or_in_another_order_are_named(file: Path) -> None:
    for kind in (Caption, StatedSplit):
        with pytest.raises(InputError, match=f"columns differ from {kind.__name__}"):
            read_records(file, kind)
    pq.write_table(table(file).select(build_arrow_schema(Speech).names[::-1]), file)
    with pytest.raises(InputError, match="columns differ from Speech"):
        read_records(file, Speech)


def test_a_list_with_an_empty_value_is_named(tmp_path: Path) -> None:
    write_records(tmp_path / "r.parquet", Rollout, [])
    empty = {field.name: pa.array([None], field.type) for field in build_arrow_schema(Rollout)}
    empty["windows"] = pa.array([[1.0, None]])
    row = pa.table({n: empty[n] if n == "windows" else _filled(empty[n].type) for n in empty})
    pq.write_table(row, tmp_path / "r.parquet")
    with pytest.raises(InputError, match="column 'windows' has empty values"):
        read_records(tmp_path / "r.parquet", Rollout)


def _filled(kind: pa.DataType) -> pa.Array:
    if pa.types.is_list(kind):
        return pa.array([[]], kind)
    return pa.array([1]).cast(kind) if kind != pa.bool_() else pa.array([True])
