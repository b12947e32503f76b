"""Two versions of a product: identical, within the tolerance, or where they part first."""

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from flows.audit.compare import ProductComparison, compare_files, compare_products

LITTLE = 1e-6


@pytest.fixture
def pair(tmp_path: Path) -> tuple[Path, Path]:
    return tmp_path / "old", tmp_path / "new"


def written(pair: tuple[Path, Path], suffix: str, *contents: bytes) -> ProductComparison:
    old, new = (path.with_suffix(suffix) for path in pair)
    old.write_bytes(contents[0])
    new.write_bytes(contents[1])
    return compare_files(old, new, LITTLE)


def test_bytes_are_identical_or_part_at_a_line_or_a_byte(pair: tuple[Path, Path]) -> None:
    assert written(pair, ".txt", b"a\nb\n", b"a\nb\n") == ProductComparison("identical")
    assert written(pair, ".txt", b"a\nb\n", b"a\nc\n") == ProductComparison("different", ": line 2")
    assert written(pair, ".bin", b"\xff\x00\x01", b"\xff\x00\x02") == ProductComparison(
        "different", ", byte 2"
    )


def test_metrics_part_at_a_key_beyond_the_tolerance(pair: tuple[Path, Path]) -> None:
    old = {"a": [1.0, 2.0], "b": "x"}
    near, far = {"a": [1.0, 2.0 + 1e-9], "b": "x"}, {"a": [1.0, 2.1], "b": "x"}
    told = [json.dumps(one).encode() for one in (old, near, far)]
    assert written(pair, ".json", told[0], told[1]).kind == "within"
    assert written(pair, ".json", told[0], told[2]).where == ": /a/1 was 2.0, is 2.1"
    assert "b is missing" in written(pair, ".json", told[0], b'{"a": [1.0, 2.0]}').where


def test_tables_part_at_a_row_and_a_column_and_no_value_is_told(pair: tuple[Path, Path]) -> None:
    old, new = (path.with_suffix(".parquet") for path in pair)
    pq.write_table(pa.table({"id": ["a", "b"], "end": [1.0, 2.0]}), old)
    pq.write_table(pa.table({"id": ["a", "zyzzyva"], "end": [1.0, 2.0]}), new)
    assert compare_files(old, new, LITTLE) == ProductComparison("different", ": row 1, column id")
    pq.write_table(pa.table({"id": ["a"], "end": [1.0]}), new)
    assert compare_files(old, new, LITTLE).where == ": 2 rows before, 1 now"
    pq.write_table(pa.table({"id": ["a", "b"], "end": [1.0, 2.0]}), new, compression="gzip")
    assert compare_files(old, new, LITTLE).kind == "within"


def test_weights_part_at_a_tensor(pair: tuple[Path, Path]) -> None:
    import torch
    from safetensors.torch import save_file

    old, new = (path.with_suffix(".safetensors") for path in pair)
    save_file({"a": torch.ones(3), "b": torch.ones(2)}, old)
    save_file({"a": torch.ones(3), "b": torch.tensor([1.0, 1.0 + 2e-7])}, new)
    assert compare_files(old, new, LITTLE).kind == "within"
    save_file({"a": torch.ones(3), "b": torch.tensor([1.0, 1.5])}, new)
    assert compare_files(old, new, LITTLE) == ProductComparison("different", ": tensor b")


def test_folders_part_at_the_first_file(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("1")
    (tmp_path / "b").write_text("2")
    one, two = tmp_path / "a", tmp_path / "b"
    assert compare_products({"x": one}, {"x": one}, 0) == ProductComparison("identical")
    assert compare_products({"x": one, "y": one}, {"x": one}, 0) == ProductComparison(
        "different", "y is missing"
    )
    found = compare_products({"x": one, "y": one}, {"x": two, "z": one}, 0)
    assert found == ProductComparison("different", "x: line 1 (and 2 more)")


def test_a_number_that_became_none_is_no_number_within_the_tolerance(
    pair: tuple[Path, Path],
) -> None:
    import torch
    from safetensors.torch import save_file

    for one, other in ((b"NaN", b"1.0"), (b"1.0", b"NaN"), (b"Infinity", b"1.0")):
        assert written(pair, ".json", b"[%b]" % one, b"[%b]" % other).kind == "different"
    assert written(pair, ".json", b"[NaN]", b"[ NaN]").kind == "within"
    old, new = (path.with_suffix(".safetensors") for path in pair)
    save_file({"a": torch.ones(3)}, old)
    save_file({"a": torch.tensor([1.0, float("nan"), 1.0])}, new)
    assert compare_files(old, new, LITTLE) == ProductComparison("different", ": tensor a")
    tables = [path.with_suffix(".parquet") for path in pair]
    for path, value in zip(tables, (1.0, float("nan")), strict=True):
        pq.write_table(pa.table({"score": [0.5, value]}), path)
    assert compare_files(*tables, LITTLE) == ProductComparison("different", ": row 1, column score")
