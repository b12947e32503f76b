"""The data stages of the smoke preset on a Dask cluster of two processes, and in one process."""

import hashlib
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from distributed import Client
from ruamel.yaml import YAML

from flows.runs import overrides
from tests.video.test_cluster import address, scheduler
from touchline.video.cluster import SCHEDULER_VARIABLE

__all__ = ["address", "scheduler"]
REPOSITORY = Path(__file__).parents[2]
CHAIN = ("download", "chunk", "caption", "ask", "distill", "validate")
SHARED = ("download", "chunk", "ask", "distill")  # whose work the cluster does
CARRIED = ("params.yaml", "dvc.yaml", "tombstones.yaml")


def checkout(folder: Path) -> Path:
    """A project with the settings of the smoke preset, one worker each."""
    folder.mkdir()
    for name in CARRIED:
        shutil.copy(REPOSITORY / name, folder)
    shutil.copytree(REPOSITORY / "presets", folder / "presets")
    overrides.apply_overrides(folder, "smoke", ["download.workers=1", "chunk.workers=1"])
    return folder


def commands() -> dict[str, list[str]]:
    """What dvc.yaml runs for each stage."""
    stages = YAML(typ="safe").load(REPOSITORY / "dvc.yaml")["stages"]
    return {name: shlex.split(stages[name]["cmd"])[1:] for name in CHAIN}


def walked(folder: Path, cluster: str) -> dict[str, int]:
    """Run all stages as DVC does; how many jobs the cluster has done for each."""
    env = {**os.environ, "PYTHONPATH": str(REPOSITORY), "TOUCHLINE_ROOT": str(folder)}
    env = {name: value for name, value in env.items() if name != SCHEDULER_VARIABLE}
    env |= {SCHEDULER_VARIABLE: cluster} if cluster else {}
    done = {}
    for name, words in commands().items():
        before = jobs(cluster)
        ended = subprocess.run(
            [sys.executable, *words], cwd=folder, env=env, capture_output=True, text=True
        )
        assert ended.returncode == 0, f"{name}: {ended.stderr[-3000:]}"
        done[name] = jobs(cluster) - before
    return done


def jobs(cluster: str) -> int:
    """How many jobs the workers of a cluster have finished so far."""
    if not cluster:
        return 0
    with Client(cluster, set_as_default=False) as client:
        ask: Any = lambda dask_scheduler: sum(  # noqa: E731  (sent as it is, not by its name)
            kind.state_counts["memory"] for kind in dask_scheduler.task_prefixes.values()
        )
        return client.run_on_scheduler(ask)


def digests(folder: Path) -> dict[str, str]:
    """sha256 of every file that a stage made."""
    files = sorted(path for path in (folder / "data").rglob("*") if path.is_file())
    return {
        file.relative_to(folder).as_posix(): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in files
    }


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_two_processes_of_a_cluster_make_the_same_digests_as_one_process(
    address: str, tmp_path: Path
) -> None:
    there = walked(checkout(tmp_path / "there"), address)
    here = walked(checkout(tmp_path / "here"), "")
    assert {name for name, count in there.items() if count} == set(SHARED), there
    assert set(here.values()) == {0}
    made = digests(tmp_path / "here")
    assert digests(tmp_path / "there") == made
    assert {f"data/{n}" for n in ("frames", "clips", "questions", "accepted")} <= {
        "/".join(name.split("/")[:2]) for name in made
    }
