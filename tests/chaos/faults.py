"""Faults of the world around a run, one at a time: each must cost time and nothing else."""

import json
import os
import shutil
import sqlite3
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from flows.services import prefect_server as serving
from tests.chaos.arena import Arena
from tests.chaos.network import LINES, Ended, until

AGAIN = ("--set", "train.note=other")  # a training that needs what was made before


def cached(arena: Arena, product: str) -> list[Path]:
    """The cached objects of a product: itself, and of a folder every file."""
    digest = arena.digests()[product]
    place = arena.root / ".dvc/cache/files/md5" / digest[:2] / digest[2:]
    if not digest.endswith(".dir"):
        return [place]
    inner = [row["md5"] for row in json.loads(place.read_text())]
    return [place, *(place.parents[1] / one[:2] / one[2:] for one in inner)]


def missing(arena: Arena) -> Ended:
    """Objects of film and lessons are gone from the cache, and their links from the checkout."""
    assert arena.retrain() == 0
    for path in (*cached(arena, "data/film"), *cached(arena, "data/lessons.json")):
        path.unlink()
    shutil.rmtree(arena.root / "data/film")
    (arena.root / "data/lessons.json").unlink()
    return arena.retrain(*AGAIN), arena.retrain()


def corrupted(arena: Arena) -> Ended:
    """A byte of the cached film is flipped."""
    assert arena.retrain() == 0
    film = cached(arena, "data/film")[-1]
    data = bytearray(film.read_bytes())
    data[1000] ^= 0xFF
    film.chmod(0o644)
    film.write_bytes(data)
    film.chmod(0o444)
    return arena.retrain(*AGAIN), arena.retrain()


def rotten(arena: Arena) -> Ended:
    """The same, but the file's time of change says that nobody touched it, as a bad disk does."""
    assert arena.retrain() == 0
    film = cached(arena, "data/film")[-1]
    was, data = film.stat(), bytearray(film.read_bytes())
    data[1000] ^= 0xFF
    with film.open("r+b") as file:
        file.write(data)
    os.utime(film, ns=(was.st_atime_ns, was.st_mtime_ns))
    return arena.retrain(*AGAIN), arena.retrain()


def full(arena: Arena) -> Ended:
    """The disk of worktrees, databases and checkpoints has no room left while the film comes."""
    disk = arena.root / ".touchline"
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", str(disk)], check=True)
    try:
        flow = arena.start()
        until(lambda: bool(arena.of("dvc")) or flow.poll() is not None)
        room = shutil.disk_usage(disk).free
        (disk / "ballast").write_bytes(bytes(max(0, room - 100_000)))
        first = flow.wait()
        (disk / "ballast").unlink()
        return first, arena.retrain()
    finally:
        shutil.copytree(disk, arena.root / ".kept")
        subprocess.run(["umount", "-l", str(disk)], check=True)
        shutil.copytree(arena.root / ".kept", disk, dirs_exist_ok=True)
        shutil.rmtree(arena.root / ".kept")


def locked(arena: Arena) -> Ended:
    """Another program holds MLflow's SQLite for 20 seconds while stages end."""
    flow = arena.start()
    until(lambda: bool(arena.of("stage")) or flow.poll() is not None)
    with _held(arena.root / ".touchline/mlflow.db", 20):
        first = flow.wait()
    return first, arena.retrain()


def restarted(arena: Arena) -> Ended:
    """The Prefect server that the run uses is killed while it trains, and comes back."""
    port = serving.find_free_port()
    env = {**arena.environment(), "PREFECT_HOME": str(arena.root / ".touchline/prefect")}
    job, arena.api = serving.start_prefect_server(arena.root, port, env)
    serving.wait_for_server(job, arena.api)
    flow = arena.start()
    until(lambda: bool(arena.of("stage")) or flow.poll() is not None)
    job.stop()
    time.sleep(5)
    job, _ = serving.start_prefect_server(arena.root, port, env)
    serving.wait_for_server(job, arena.api)
    try:
        return flow.wait(), arena.retrain()
    finally:
        job.stop()
        arena.api = ""


FAULTS: dict[str, Callable[[Arena], Ended]] = {
    "object missing from the cache": missing,
    "cache file corrupted": corrupted,
    "cache file corrupted, its time unchanged": rotten,
    "disk full": full,
    "MLflow's database locked for 20 s": locked,
    "Prefect server restarted": restarted,
    **LINES,
}


@contextmanager
def _held(database: Path, seconds: float) -> Iterator[None]:
    stop = threading.Event()

    def hold() -> None:
        with closing(sqlite3.connect(database, timeout=60)) as db:
            db.execute("BEGIN EXCLUSIVE")
            stop.wait(seconds)
            db.rollback()

    thread = threading.Thread(target=hold)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
