"""What a product holds is let go of; what is still on its way stays."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.sources.fetch.origin_server import QUICK, Origin, content
from touchline.sources.fetch import FileRequest, fetch_files
from touchline.sources.fetch.part import (
    count_part_bytes,
    drop_finished_downloads,
    get_download_root,
)


def test_a_whole_file_of_a_product_goes_and_another_on_its_way_stays(
    origin: Origin,
    want: Callable[..., FileRequest],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("TOUCHLINE_DOWNLOADS")
    monkeypatch.setenv("TOUCHLINE_CHECKPOINTS", str(tmp_path / "checkpoints"))
    origin.files["b.bin"] = content(1000)
    mine, other = origin.url("a.bin"), origin.url("b.bin")
    fetch_files([want(mine)], tmp_path / "data" / "film", 1, retry_policy=QUICK)
    fetch_files([want(other)], tmp_path / "elsewhere", 1, retry_policy=QUICK)
    assert len(drop_finished_downloads(tmp_path / "data")) == 1
    assert count_part_bytes(mine) == 0 and count_part_bytes(other) == 1000
    assert (tmp_path / "data/film/a.bin").read_bytes() == content(300_000)


def test_a_folder_that_keeps_all_downloads_keeps_these(
    origin: Origin, want: Callable[..., FileRequest], tmp_path: Path
) -> None:
    fetch_files([want(origin.url("a.bin"))], tmp_path / "data", 1, retry_policy=QUICK)
    assert drop_finished_downloads(tmp_path / "data") == []
    assert len(list(get_download_root().iterdir())) == 1
