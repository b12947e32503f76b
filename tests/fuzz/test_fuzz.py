"""Whatever a file holds, its reader ends in success or in one sentence, and writes nowhere else."""

from pathlib import Path

import pytest

from tests.fuzz.doors import DOORS
from tests.fuzz.run import fuzz

FEW = {"labels": 100, "transcripts": 60, "products": 200, "predictions": 100, "params": 60}
MANY = 10_000


@pytest.mark.parametrize("kind", DOORS)
def test_hostile_files_end_in_success_or_in_one_sentence(kind: str, tmp_path: Path) -> None:
    seen = fuzz(kind, tmp_path / kind, FEW[kind])
    assert seen.wrong == []
    assert seen.ends["success"] + seen.ends["InputError"] == FEW[kind]
    assert min(seen.ends["success"], seen.ends["InputError"]) > FEW[kind] / 20, "it tests little"


@pytest.mark.slow
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("kind", DOORS)
def test_ten_thousand_hostile_files_do_so_too(kind: str, tmp_path: Path) -> None:
    assert fuzz(kind, tmp_path / kind, MANY, seed=1).wrong == []
