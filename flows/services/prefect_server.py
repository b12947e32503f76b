"""A Prefect server for the time of a run, one that no kill can leave behind."""

import importlib
import json
import os
import socket
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from flows.runs.supervised import Supervised
from flows.services import environment
from flows.services.environment import prepare
from touchline.errors import BadInput

PATIENCE = 600.0  # seconds a first start may take: it makes the database, maybe on a busy machine
PREFECT = ("-m", "prefect", "server", "start", "--host", "127.0.0.1", "--log-level", "ERROR")


@contextmanager
def served(root: Path, *locks: int, flow: str = "flows.retrain.flow") -> Iterator[str]:
    """The address of the API: the one given, the one of `touchline ui`, or one of our own.

    `flow` is the module that will be asked for next; the server inherits `locks`, open files.
    Prefect's own ephemeral server would outlive a `kill -9` of the run. A process keeps to the
    first address it has used: whoever makes several runs opens this once.
    """
    state = prepare(root)
    given = os.environ.get("PREFECT_API_URL") or open_ui(state)
    if given:
        os.environ["PREFECT_API_URL"] = given
        yield given
        return
    job, url = start(state, free_port(), environment.server(), list(locks))
    os.environ["PREFECT_API_URL"] = url
    try:
        importlib.import_module(flow)  # takes seconds, as the server does

        wait(job, url)
        yield url
        job.ask()
    finally:
        os.environ.pop("PREFECT_API_URL")
        job.end()


def start(
    state: Path, port: int, env: dict[str, str], keep: list[int] | None = None
) -> tuple[Supervised, str]:
    """A server over the project's database, under a supervisor, perhaps not up yet."""
    job = Supervised([sys.executable, *PREFECT, "--port", str(port)], state, env, keep or [])
    return job, f"http://127.0.0.1:{port}/api"


def wait(job: Supervised, url: str, page: str = "health") -> None:
    """Return when the server answers."""
    until = time.monotonic() + PATIENCE
    while not answers(f"{url}/{page}"):
        if not job.alive() or time.monotonic() > until:
            said = [line for line in job.output() if line] if not job.alive() else []
            wrong = f"did not start: {said[-1] if said else 'it never answered'}"
            raise BadInput(f"the server at {url}", wrong, "look at .touchline/")
        time.sleep(0.2)


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as reply:
            return reply.status == 200
    except (urllib.error.URLError, TimeoutError, ConnectionError):
        return False


def open_ui(state: Path) -> str | None:
    """The API of a `touchline ui` that is open now."""
    file = state / "ui.json"
    url = json.loads(file.read_text())["api"] if file.is_file() else None
    return url if url and answers(f"{url}/health") else None


def free_port(wanted: int = 0) -> int:
    """`wanted` if it is free, else any."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", wanted))
        except OSError:
            probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
