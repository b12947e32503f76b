"""Faults of what a run reaches over the network: MLflow, an S3 store, its worker."""

import os
import shutil
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import boto3

from flows.services import prefect_server as serving
from tests.chaos.arena import REPOSITORY, Arena

BUCKET, AWAY = "store", 60.0  # seconds that MLflow is gone
PATIENCE = 600.0
Ended = tuple[int, int]  # exit status of the disturbed command, and of the retrain after it


class Line:
    """A TCP line to a port of this machine that can be cut, and mended again."""

    def __init__(self, port: int) -> None:
        self.target, self.cut, self.carried = port, False, 0
        self.after: int | None = None  # bytes towards the server after which it is cut
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self.socket.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            with suppress(OSError):
                client, _ = self.socket.accept()
                if self.cut:
                    client.close()
                    continue
                server = socket.create_connection(("127.0.0.1", self.target))
                for pair in ((client, server, True), (server, client, False)):
                    threading.Thread(target=self._carry, args=pair, daemon=True).start()

    def _carry(self, source: socket.socket, target: socket.socket, sent: bool) -> None:
        with suppress(OSError):
            while (data := source.recv(1 << 16)) and not self.cut:
                self.carried += len(data) if sent else 0
                if self.after is not None and self.carried > self.after:
                    self.cut = True
                    break
                target.sendall(data)
        for end in (source, target):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)  # wakes whoever waits at the other end
            end.close()

    def mend(self) -> None:
        self.cut, self.after = False, None


@contextmanager
def store(arena: Arena) -> Iterator[tuple[Line, Any]]:
    """An S3 server behind a line that can be cut; the project's runs are pushed to it."""
    port = serving.find_free_port()
    argv = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    with _running(argv, f"http://127.0.0.1:{port}/"):
        line = Line(port)
        client = boto3.client(
            "s3", endpoint_url=f"http://127.0.0.1:{port}", region_name="us-east-1",
            aws_access_key_id="key", aws_secret_access_key="secret",
        )  # fmt: skip
        client.create_bucket(Bucket=BUCKET)
        where = {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{line.port}", "AWS_REGION": "us-east-1"}
        arena.extra |= {"TOUCHLINE_REMOTE": f"s3://{BUCKET}/runs", **where}
        yield line, client
        with closing(line.socket):
            del arena.extra["TOUCHLINE_REMOTE"]


@contextmanager
def _running(argv: list[str], url: str, cwd: Path | None = None) -> Iterator[subprocess.Popen]:
    """A server, from when it answers."""
    with subprocess.Popen(
        argv, cwd=cwd, start_new_session=True,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    ) as child:  # fmt: skip
        try:
            until(lambda: _answers(url))
            yield child
        finally:
            with suppress(ProcessLookupError):
                os.killpg(child.pid, 9)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5):
            return True
    except urllib.error.HTTPError:
        return True
    except (OSError, ValueError):
        return False


def until(true: Callable[[], bool], seconds: float = PATIENCE) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it never came to that"
        time.sleep(0.1)


def line_cut(arena: Arena) -> Ended:
    """The line to S3 is cut in the middle of a push; the push goes on where it stood."""
    with store(arena) as (line, _):
        line.after = 100_000  # a third of the film
        first = arena.retrain()
        unsent = arena.records()[-1]["unsent"]
        assert unsent and "cannot be reached" in unsent, unsent
        line.mend()
        assert arena.command("push") == 0, arena.said()[-600:]
        _emptied(arena)
        assert arena.command("pull") == 0, arena.said()[-600:]
        return first, arena.retrain()


def corrupt_there(arena: Arena) -> Ended:
    """A byte of an object in the store is flipped; it is refused by name and mended."""
    with store(arena) as (_, client):
        assert arena.retrain() == 0
        film = next(one for one in client.list_objects_v2(Bucket=BUCKET)["Contents"]
                    if one["Size"] > 200_000)  # fmt: skip
        sound = client.get_object(Bucket=BUCKET, Key=film["Key"])["Body"].read()
        rotten = bytes([sound[0] ^ 1]) + sound[1:]
        client.put_object(Bucket=BUCKET, Key=film["Key"], Body=rotten)
        aside = _emptied(arena)
        first = arena.command("pull")
        told = arena.said().strip().splitlines()[-1]
        assert first and "data/film/film.bin" in told and "is corrupt" in told, told
        shutil.copytree(aside, arena.root / ".dvc/cache", dirs_exist_ok=True)
        assert arena.command("push", "latest", "--mend") == 0, arena.said()[-600:]
        _emptied(arena)
        assert arena.command("pull") == 0, arena.said()[-600:]
        return first, arena.retrain()


def _emptied(arena: Arena) -> Path:
    """Cache and checkout are lost; where a copy of the cache lies."""
    cache, aside = arena.root / ".dvc/cache", arena.root.parent / f"{arena.root.name}-cache"
    shutil.copytree(cache, aside, dirs_exist_ok=True)
    shutil.rmtree(cache)
    for made in ("data/film", "data/model"):
        shutil.rmtree(arena.root / made, ignore_errors=True)  # a pull fills the cache alone
    (arena.root / "data/lessons.json").unlink(missing_ok=True)
    return aside


def tracking_away(arena: Arena) -> Ended:
    """The MLflow server is killed while a stage is at work, and is away for a minute."""
    port = serving.find_free_port()
    arena.database = arena.root.parent / f"{arena.root.name}.db"
    database = f"sqlite:///{arena.database}"
    argv = [sys.executable, "-m", "mlflow", "server", "--backend-store-uri", database,
            "--port", str(port), "--workers", "1"]  # fmt: skip
    url = f"http://127.0.0.1:{port}"
    arena.extra["MLFLOW_TRACKING_URI"] = url
    with _running(argv, f"{url}/health", arena.root.parent):
        flow = arena.start()
        until(lambda: bool(arena.of("stage")) or flow.poll() is not None)
    time.sleep(AWAY)
    with _running(argv, f"{url}/health", arena.root.parent):
        return flow.wait(), arena.retrain()


def worker_killed(arena: Arena) -> Ended:
    """A Prefect worker and the run it has begun are killed with -9; its limit is free again."""
    words = f"cp -r {REPOSITORY}/flows {REPOSITORY}/prefect.yaml . && git add -A"
    subprocess.run(f"{words} && git commit -qm Flows", shell=True, cwd=arena.root, check=True)
    for command in ("work-pool create local --type process --overwrite", "deploy --name retrain",
                    "deployment run retrain/retrain"):  # fmt: skip
        assert arena.prefect(*command.split()).wait(PATIENCE) == 0, arena.said()[-600:]
    worker = arena.prefect("worker", "start", "--pool", "local", "--limit", "1")
    until(lambda: bool(arena.of("stage")))
    worker.kill()
    for engine in arena.of("engine"):
        engine.kill()
    first = worker.wait()
    return first, arena.retrain()


LINES: dict[str, Callable[[Arena], Ended]] = {
    "the line to S3 cut": line_cut,
    "object corrupted in the store": corrupt_there,
    "MLflow gone for a minute": tracking_away,
    "worker and its run killed": worker_killed,
}
