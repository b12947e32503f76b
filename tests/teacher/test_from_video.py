"""From rendered video to validated lessons by `touchline serve scripted`, killed on the way."""

import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from flows.services.prefect_server import find_free_port
from stages import ask, caption, chunk, distill, download, validate
from tests.serving.language_model import serving
from tests.stages.test_without_pixels import PARAMS, PATHS, ROOT
from touchline.config import load_params_section
from touchline.records.question import Question
from touchline.records.table import read_records
from touchline.records.trajectory import Trajectory

BEFORE = (download, chunk, caption, ask)
SMALL = {"seed": 7, "matches": {"soccer": 2, "badminton": 1, "basketball": 1}, "half_seconds": 60}


def settings(root: Path, url: str, teacher: str = "served") -> None:
    """The project's parameters, a small league, and the teacher at `url`, one request at a time."""
    given = YAML(typ="safe").load(ROOT / "params.yaml")
    given["download"] |= {"workers": 1, "sources": {"synthetic": SMALL}}
    given["chunk"] |= {"workers": 1, "stride": 30}
    given["distill"]["teacher"] = teacher
    given["distill"]["served"]["endpoint"] |= {"url": url, "in_flight": 1}
    YAML(typ="safe").dump(given, root / "params.yaml")


def run(stage: Any, root: Path, **instead: str) -> dict[str, float]:
    names = {name: name for name in PATHS[stage].split()} | instead
    params = [
        load_params_section(kind, name, root / "params.yaml")
        for name, kind in PARAMS[stage].items()
    ]
    return stage.main(*params, *(root / "data" / name for name in names.values()))


def distilling(root: Path) -> subprocess.Popen:
    """The stage as DVC starts it."""
    flags = [w for name in PATHS[distill].split() for w in (f"--{name}", str(root / "data" / name))]
    more = ["--metrics", str(root / "distill.json"), "--params", str(root / "params.yaml")]
    env = os.environ | {"TOUCHLINE_REPLIES": str(root / "replies")}
    return subprocess.Popen(
        [sys.executable, "-m", "stages.distill", *flags, *more], cwd=ROOT, env=env
    )


def sent(root: Path) -> dict[str, int]:
    """How often each request that has its reply was sent."""
    file = root / "replies/teacher/requests.sqlite"
    if not file.is_file():
        return {}
    with sqlite3.connect(file, timeout=30) as database:
        if not database.execute("SELECT 1 FROM sqlite_master WHERE name = 'asked'").fetchone():
            return {}  # it is being made
        return dict(database.execute("SELECT key, sent FROM requests WHERE fault = ''").fetchall())


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_a_killed_distillation_goes_on_and_teaches_what_a_local_teacher_does(tmp_path: Path):
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    port = find_free_port()
    settings(tmp_path, f"http://127.0.0.1:{port}/v1")
    for stage in BEFORE:
        run(stage, tmp_path)
    with serving("scripted", port, 600, tmp_path):
        with distilling(tmp_path) as first:
            while first.poll() is None and len(sent(tmp_path)) < 10:
                time.sleep(0.002)
            first.send_signal(signal.SIGKILL)
        assert first.returncode == -signal.SIGKILL, "it ended before it could be killed"
        before = sent(tmp_path)
        assert distilling(tmp_path).wait() == 0
    after = sent(tmp_path)
    assert len(after) > len(before) >= 10
    assert {after[key] for key in before} == {1}  # what had its reply was never asked again
    assert sum(after.values()) <= len(after) + 3  # conversations that one in flight keeps open
    served = read_records(tmp_path / "data/trajectories/trajectories.parquet", Trajectory)
    settings(tmp_path, "http://127.0.0.1:9/v1", "scripted")
    run(distill, tmp_path, trajectories="local")
    local = read_records(tmp_path / "data/local/trajectories.parquet", Trajectory)
    assert [one.messages for one in served] == [one.messages for one in local]
    questions = read_records(tmp_path / "data/questions/questions.parquet", Question)
    measured = run(validate, tmp_path)
    assert measured["kept"] == len(served) == sum(q.split == "train" for q in questions)
