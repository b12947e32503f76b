"""The package `SoccerNet` itself is asked, where a Python that has it is named.

`TOUCHLINE_SOCCERNET_PYTHON=ENV/bin/python`, an environment of its own with
`pip install --no-deps SoccerNet==0.2.0` and `pip install numpy tqdm`.
"""

import os
from pathlib import Path

import pytest

from benchmarks.average_map import VARIABLE, compared
from tests.metrics.made_up_games import games

PYTHON = os.environ.get(VARIABLE, "")
KINDS = {
    "scattered": (11, 2, 40, 80, 20),
    "equal": (12, 2, 40, 80, 1),
    "crowded": (13, 1, 600, 1500, 50),
}


@pytest.mark.slow
@pytest.mark.skipif(not PYTHON, reason=f"{VARIABLE} names no Python with the package SoccerNet")
@pytest.mark.parametrize("kind", KINDS)
def test_every_number_equals_the_official_packages(kind: str, tmp_path: Path):
    largest, _, _, loose = compared(games(*KINDS[kind]), tmp_path / "games", PYTHON)
    assert loose > 0.05
    assert largest < 1e-9
