"""The whole way on real films: a match is withdrawn from a smoke run, and retraining works on."""

import json
import shutil
import subprocess
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tests.flows.conftest import REPOSITORY, Toy

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Toy:
    """This repository, as committed, in a checkout of its own."""
    root = tmp_path_factory.mktemp("withdrawn") / "project"
    listed = subprocess.run(["git", "ls-files"], cwd=REPOSITORY, capture_output=True, text=True)
    for name in listed.stdout.splitlines():
        if (REPOSITORY / name).is_file():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(REPOSITORY / name, root / name)
    made = Toy(root)
    (root / ".touchline").mkdir()
    made.git("init", "-q", "-b", "main")
    made.git("config", "user.name", "toy")
    made.git("config", "user.email", "toy@localhost")
    made.git("add", "-A")
    made.git("commit", "-qm", "Project")
    return made


def test_a_withdrawn_match_is_gone_and_the_next_run_is_whole_without_it(project: Toy) -> None:
    assert project.type("retrain", "--preset", "smoke")[0] == 0
    manifest = project.root / "data" / "manifest" / "videos.parquet"
    before = set(pq.read_table(manifest)["match"].to_pylist())
    match = sorted(before)[0]
    status, said = project.type("impact", match, "--json")
    assert status == 0 and json.loads(said)["rows"]["clip"]["newest"]
    status, said = project.type("impact", match, "--apply", "--yes")
    assert status == 0 and "no byte is left" in said, said
    status, said = project.type("retrain", "--preset", "smoke")
    assert status == 0, said
    after = set(pq.read_table(manifest)["match"].to_pylist())
    assert after == before - {match}
    assert not list(Path(project.root / "data" / "videos").rglob(f"*{match.split('/')[-1]}*"))
    status, said = project.type("impact", match, "--apply", "--yes")  # the proof, once more
    assert status == 0 and "no byte is left" in said, said
    assert project.type("trace", _answer(project))[0] == 0


def _answer(project: Toy) -> str:
    return pq.read_table(project.root / "data/answers/answers.parquet")["id"][0].as_py()
