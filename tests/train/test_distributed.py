"""Processes that train together also end together."""

import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

TOGETHER = """
import os, sys, time
from touchline.errors import InputError
from touchline.train.distributed import HELPER_RANK_VARIABLE, launch_ranks
with launch_ranks(2):
    if HELPER_RANK_VARIABLE in os.environ:
        {helper}
    {first}
"""


def ended(tmp_path: Path, helper: str, first: str) -> subprocess.CompletedProcess:
    program = tmp_path / "together.py"
    program.write_text(TOGETHER.format(helper=helper, first=first))
    done = subprocess.run(
        [sys.executable, str(program)],
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2]), "OMP_NUM_THREADS": "1"},
        capture_output=True, text=True, timeout=250, check=False,
    )  # fmt: skip
    lines = [" ".join(p.info["cmdline"] or []) for p in psutil.process_iter(["cmdline"])]
    assert not any(str(program) in line for line in lines)
    return done


@pytest.mark.slow
def test_if_a_helper_fails_nobody_waits_for_it(tmp_path: Path) -> None:
    done = ended(tmp_path, "sys.exit(3)", "time.sleep(999)")
    assert done.returncode == 1
    assert "error: training: a helper process ended with 3; see its output above" in done.stderr


@pytest.mark.slow
def test_if_the_first_fails_its_own_words_are_heard(tmp_path: Path) -> None:
    wrong = 'raise InputError("here", "is wrong", "correct it")'
    done = ended(tmp_path, "time.sleep(999)", wrong)
    assert done.returncode == 1 and "here: is wrong; correct it" in done.stderr
    assert "helper process ended" not in done.stderr
