"""What tests of any room share: the folder of real annotations and clips."""

import os
from pathlib import Path

import pytest

BESIDE = Path(__file__).parents[2] / "shared" / "realdata"  # used if TOUCHLINE_RAW is not set


@pytest.fixture
def realdata(monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of real raw data, to which relative folders of settings refer; skips without."""
    folder = Path(os.environ.get("TOUCHLINE_RAW") or BESIDE)
    if not folder.is_dir():
        pytest.skip("no real data here: set TOUCHLINE_RAW")
    monkeypatch.setenv("TOUCHLINE_RAW", str(folder))
    return folder
