"""A Prefect server that runs as long as a run and ends even if the run is killed."""

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

from flows.runs.supervised import SupervisedProcess
from flows.services import environment
from flows.services.environment import prepare_environment
from touchline.errors import InputError

START_TIMEOUT = (
    600.0  # seconds a first start may take: it makes the database, maybe on a busy machine
)
PREFECT_ARGUMENTS = (
    "-m",
    "prefect",
    "server",
    "start",
    "--host",
    "127.0.0.1",
    "--log-level",
    "ERROR",
)


@contextmanager
def serve_prefect(root: Path, *locks: int, flow: str = "flows.retrain.flow") -> Iterator[str]:
    """Context manager that yields the URL of a Prefect API: the configured one, that of `touchline
    ui`, or a new server.

    `flow` is a module to import while the server starts; the server inherits the file descriptors
    `locks`. A process keeps using its first URL, so open this once for several runs.
    """
    state = prepare_environment(root)
    api_url = os.environ.get("PREFECT_API_URL") or find_open_ui(state)
    if api_url:
        os.environ["PREFECT_API_URL"] = api_url
        yield api_url
        return
    job, url = start_prefect_server(
        state, find_free_port(), environment.build_server_environment(), list(locks)
    )
    os.environ["PREFECT_API_URL"] = url
    try:
        importlib.import_module(flow)  # takes seconds, as the server does

        wait_for_server(job, url)
        yield url
        job.terminate()
    finally:
        os.environ.pop("PREFECT_API_URL")
        job.stop()


def start_prefect_server(
    state: Path, port: int, env: dict[str, str], keep: list[int] | None = None
) -> tuple[SupervisedProcess, str]:
    """Start a Prefect server over the project's database, under a supervisor. Returns the process
    and its API URL; it may not answer yet.
    """
    job = SupervisedProcess(
        [sys.executable, *PREFECT_ARGUMENTS, "--port", str(port)], state, env, keep or []
    )
    return job, f"http://127.0.0.1:{port}/api"


def wait_for_server(job: SupervisedProcess, url: str, page: str = "health") -> None:
    """Wait until the server answers. Raises `InputError` if it ends or START_TIMEOUT passes."""
    deadline = time.monotonic() + START_TIMEOUT
    while not is_url_answering(f"{url}/{page}"):
        if not job.is_alive() or time.monotonic() > deadline:
            output_lines = [line for line in job.output() if line] if not job.is_alive() else []
            problem = f"did not start: {output_lines[-1] if output_lines else 'it never answered'}"
            raise InputError(f"the server at {url}", problem, "look at .touchline/")
        time.sleep(0.2)


def is_url_answering(url: str) -> bool:
    """Whether a GET of the URL returns status 200 within two seconds."""
    try:
        with urllib.request.urlopen(url, timeout=2) as reply:
            return reply.status == 200
    except (urllib.error.URLError, TimeoutError, ConnectionError):
        return False


def find_open_ui(state: Path) -> str | None:
    """API URL of a running `touchline ui`, or None."""
    file = state / "ui.json"
    url = json.loads(file.read_text())["api"] if file.is_file() else None
    return url if url and is_url_answering(f"{url}/health") else None


def find_free_port(preferred: int = 0) -> int:
    """The port `preferred` if it is free, else any free port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", preferred))
        except OSError:
            probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
