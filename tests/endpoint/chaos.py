"""The ordeal of a client: killed with -9 at any moment, beside a server that goes on."""

import json
import math
import resource
import signal
import sqlite3
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
PATIENCE = 120.0  # seconds until a client must have come to its kill
SCRIPT = """
import asyncio, resource, sys, time
from pathlib import Path
from tests.endpoint.conftest import at
from touchline.endpoint import EndpointClient, build_chat_request, run_concurrently
url, folder, count, in_flight = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
endpoint = at(url, in_flight=in_flight, tries=50, patience=120.0, timeout=30.0)
def requests():
    for n in range(count):
        yield build_chat_request(endpoint, f"q{n}", [{"role": "user", "content": f"say {n}"}])
async def main():
    good, start = 0, time.monotonic()
    async with EndpointClient(endpoint, folder) as client:
        async for asked, reply in run_concurrently(
            requests(), client.ask, client.max_conversations
        ):
            good += reply.text == "echo " + asked.messages[0]["content"]
        took = time.monotonic() - start
    print(good, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024, took)
asyncio.run(main())
"""


@dataclass
class Server:
    """The stand-in in a process of its own."""

    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def counts(self) -> dict[str, Any]:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/counts") as answer:
            return json.load(answer)

    def set_limit(self, bills: float) -> None:
        """Hold back the replies beyond so many bills: no client can end while it is below them."""
        urllib.request.urlopen(f"http://127.0.0.1:{self.port}/limit/{bills}").close()


@contextmanager
def server(*options: str) -> Iterator[Server]:
    argv = [sys.executable, "-m", "tests.endpoint.stand_in", *options]
    child = subprocess.Popen(argv, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    try:
        yield Server(int(child.stdout.readline()))
    finally:
        child.kill()
        child.wait()


def client(url: str, folder: Path, count: int, in_flight: int) -> subprocess.Popen:
    argv = [sys.executable, "-c", SCRIPT, url, str(folder), str(count), str(in_flight)]
    return subprocess.Popen(argv, cwd=ROOT, stdout=subprocess.PIPE, text=True)


def ordeal(one: Server, folder: Path, count: int, in_flight: int, kills: int) -> str:
    """Kill the client `kills` times, spread over the work; returns what the last one says.

    The server holds back all replies beyond the point of the kill, so that a fast client cannot end
    before it.
    """
    for kill in range(kills):
        goal = count * (kill + 1) // (kills + 1)
        one.set_limit(goal)
        child = client(one.url, folder, count, in_flight)
        deadline = time.monotonic() + PATIENCE
        while one.counts()["bills"] <= goal:
            assert child.poll() is None, "it ended by itself"
            assert time.monotonic() < deadline, f"it came to {one.counts()} in {PATIENCE} s"
            time.sleep(0.005)
        child.send_signal(signal.SIGKILL)
        child.communicate()
    one.set_limit(math.inf)
    said, _ = client(one.url, folder, count, in_flight).communicate()
    return said


def rows(folder: Path) -> tuple[int, int]:
    """(rows with a good reply, rows in doubt) in the store."""
    db = sqlite3.connect(folder / "requests.sqlite")
    good = db.execute("SELECT count(*) FROM requests WHERE fault = ''").fetchone()[0]
    doubt = db.execute("SELECT count(*) FROM requests WHERE fault IS NULL").fetchone()[0]
    db.close()
    return good, doubt


def spent() -> float:
    """CPU seconds of ended children."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
