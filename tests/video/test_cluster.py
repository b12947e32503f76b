"""A real Dask cluster on this machine does the per-video work with the same bytes."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.downloads import downloaded, params
from tests.stages.test_chunk import chunk
from touchline.errors import InputError
from touchline.video import cluster
from touchline.video.probe import probe_video_file
from touchline.video.workers import map_jobs, open_worker_pool

SMALL = {"seed": 7, "matches": {"soccer": 1, "badminton": 0, "basketball": 0}, "half_seconds": 15}


def start(*words: str, cwd: Path, **env: str) -> subprocess.Popen:
    command = [sys.executable, "-m", "dask", *words, "--no-dashboard"]
    return subprocess.Popen(command, cwd=cwd, env=os.environ | env, stderr=subprocess.DEVNULL)


@pytest.fixture(scope="module")
def scheduler(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The file that tells where a scheduler with two workers is; they stand in another folder."""
    folder = tmp_path_factory.mktemp("cluster")
    file = folder / "scheduler.json"
    words = ["--host", "127.0.0.1", "--port", "0", "--scheduler-file", str(file)]
    started = [start("scheduler", *words, cwd=folder)]
    started += [worker(file) for _ in range(2)]
    try:
        joined(file, 2)
        yield file
    finally:
        for process in reversed(started):
            process.terminate()
            process.wait(20)


def worker(file: Path, **env: str) -> subprocess.Popen:
    words = ["worker", "--scheduler-file", str(file), "--nthreads", "1", "--no-nanny"]
    return start(*words, "--host", "127.0.0.1", cwd=file.parent, **env)


def joined(file: Path, count: int) -> str:
    """Wait for so many workers; the scheduler's address."""
    from distributed import Client

    end = time.monotonic() + 60
    while not file.is_file() and time.monotonic() < end:
        time.sleep(0.1)
    with Client(scheduler_file=str(file), set_as_default=False) as client:
        client.wait_for_workers(count, timeout=60)
        assert client.scheduler is not None
        return client.scheduler.address


@pytest.fixture
def address(scheduler: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    found = joined(scheduler, 2)
    monkeypatch.setenv("TOUCHLINE_SCHEDULER", found)
    return found


def made(folder: Path) -> dict[str, bytes]:
    """Download and chunk into relative folders below `folder`; all files by name."""
    folder.mkdir()
    before = Path.cwd()
    os.chdir(folder)
    try:
        downloaded(Path(), params("stop", {"synthetic": SMALL}))
        chunk(Path(), Path("out"), workers=1)
    finally:
        os.chdir(before)
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def test_a_cluster_makes_the_same_bytes_as_this_process(
    address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = made(tmp_path / "there")
    monkeypatch.delenv("TOUCHLINE_SCHEDULER")
    here = made(tmp_path / "here")
    assert list(there) == list(here) and len(here) > 10
    assert [name for name in here if here[name] != there[name]] == []


def test_jobs_run_in_the_workers_and_come_back_in_order(address: str) -> None:
    with open_worker_pool(2) as executor:
        assert list(map_jobs(executor, divmod, [(n, 7) for n in range(50)])) == [
            divmod(n, 7) for n in range(50)
        ]
        processes = set(map_jobs(executor, os.getpid, [()] * 20))
    assert processes and os.getpid() not in processes


def test_a_workers_fault_arrives_as_its_sentence(address: str, tmp_path: Path) -> None:
    with open_worker_pool(2) as executor, pytest.raises(InputError, match="there is no such file"):
        list(map_jobs(executor, probe_video_file, [(tmp_path / "none.mkv",)]))


def test_a_worker_with_other_code_is_refused_by_name(
    scheduler: Path, address: str, tmp_path: Path
) -> None:
    (root,) = map(Path, cluster.touchline.__path__)
    shutil.copytree(root, tmp_path / "touchline", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "touchline/chat/timecode.py").write_text("# another\n")
    stranger = worker(scheduler, PYTHONPATH=str(tmp_path))
    try:
        joined(scheduler, 3)
        with (
            pytest.raises(InputError, match="runs other code than this process"),
            open_worker_pool(2),
        ):
            pass
    finally:
        stranger.terminate()
        stranger.wait(20)


def test_an_address_where_nobody_answers_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "CONNECT_TIMEOUT", 1)
    monkeypatch.setenv("TOUCHLINE_SCHEDULER", "tcp://127.0.0.1:9")
    with (
        pytest.raises(InputError, match=r"no scheduler answers at tcp://127.0.0.1:9"),
        open_worker_pool(2),
    ):
        pass
