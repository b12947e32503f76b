"""A store of many videos through S3: push, pull elsewhere, push again, one corrupt object.

`python -m benchmarks.store [VIDEOS]` starts a moto server on the loopback and counts its requests.
"""

import hashlib
import logging
import os
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from moto.server import ThreadedMotoServer

from flows.store.remote import RemoteStore
from touchline.errors import InputError
from touchline.sources.fetch import s3

BYTES = 4096  # of a made-up file of frames: what is measured is the number of objects


class Requests(logging.Handler):
    """Counts what the server was asked, by method."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: Counter[str] = Counter()

    def emit(self, record: logging.LogRecord) -> None:
        said = record.getMessage()
        self.seen.update(word for word in ("GET", "PUT", "HEAD", "POST") if f'"{word} ' in said)

    def taken(self) -> dict[str, int]:
        counts, self.seen = dict(self.seen), Counter()
        return counts


def measure(videos: int) -> dict[str, Any]:
    """CPU seconds (the server's included) and requests of each step."""
    counter, log = Requests(), logging.getLogger("werkzeug")
    log.setLevel(logging.INFO)
    log.addHandler(counter)
    log.propagate = False
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=True)
    server.start()
    host, port = server.get_host_and_port()
    os.environ.update(AWS_ENDPOINT_URL=f"http://{host}:{port}", AWS_ACCESS_KEY_ID="key")
    os.environ.update(AWS_SECRET_ACCESS_KEY="secret", AWS_EC2_METADATA_DISABLED="true")
    client = s3.open_s3_client(1, 120, "")
    client.create_bucket(Bucket="bench")
    try:
        with tempfile.TemporaryDirectory() as place:
            return _steps(Path(place), videos, client, counter)
    finally:
        server.stop()
        log.removeHandler(counter)


def _steps(place: Path, videos: int, client: Any, counter: Requests) -> dict[str, Any]:
    store, here, there = RemoteStore("s3://bench/store"), place / "here", place / "there"
    names = dict(_object(here, number) for number in range(videos))
    (there / "files").mkdir(parents=True)
    counter.taken()
    found = {"push": _timed(counter, lambda: store.send(here, names))}
    found["again"] = _timed(counter, lambda: store.send(here, names))
    found["pull"] = _timed(counter, lambda: store.fetch(there, names))
    digest = min(names)
    key = f"store/files/md5/{digest[:2]}/{digest[2:]}"
    client.put_object(Bucket="bench", Key=key, Body=bytes(BYTES))
    kept = there / "files" / "md5" / digest[:2] / digest[2:]
    kept.unlink()
    try:
        store.fetch(there, names)
        found["refused"] = ""
    except InputError as fault:
        found["refused"] = fault.place if not kept.exists() else ""
    found["corrupt"] = names[digest]
    return found


def _object(cache: Path, number: int) -> tuple[str, str]:
    data = hashlib.sha256(str(number).encode()).digest() * (BYTES // 32)
    digest = hashlib.md5(data).hexdigest()
    file = cache / "files" / "md5" / digest[:2] / digest[2:]
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(data)
    return digest, f"data/frames/{number}.parquet"


def _timed(counter: Requests, job: Any) -> dict[str, Any]:
    began = time.process_time()
    done = job()
    spent = round(time.process_time() - began, 1)
    return {"objects": done, "cpu_seconds": spent, "requests": counter.taken()}


if __name__ == "__main__":
    for step, said in measure(int(sys.argv[1]) if sys.argv[1:] else 1000).items():
        print(f"{step}: {said}")
