"""The pages of Prefect and MLflow over the project's own databases, on this machine only."""

import json
import os
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path

from flows.retrain import run
from flows.runs import locks, record
from flows.runs.supervised import Supervised
from flows.runs.terminal import say
from flows.services import environment, prefect_server
from flows.tracking import mlflow_health
from touchline.atomic import whole_file
from touchline.errors import BadInput

PORTS = (4200, 5000)  # Prefect, MLflow; others if these are taken


def serve(root: Path) -> int:
    """Open both until Ctrl-C (or SIGTERM); a retrain meanwhile reports to this Prefect server.

    A server that the environment names is left alone: only its address is said.
    """
    state = environment.prepare(root)
    for sign in (signal.SIGTERM, signal.SIGINT):  # a shell's background job would ignore SIGINT
        signal.signal(sign, signal.default_int_handler)
    with locks.locked(root, "ui"):
        return _open(root, state)


def _open(root: Path, state: Path) -> int:
    jobs: list[Supervised] = []
    try:
        api = os.environ.get("PREFECT_API_URL") or _prefect(state, jobs)
        page = _mlflow(state, jobs)
        _settle(root, api)
        say(f"Prefect: {api.removesuffix('/api')}\nMLflow:  {page}\nCtrl-C ends what was started")
        while all(job.alive() for job in jobs):
            time.sleep(0.5)
        return 1
    except KeyboardInterrupt:
        return 0
    finally:
        (state / "ui.json").unlink(missing_ok=True)
        for job in jobs:
            job.end()


def _prefect(state: Path, jobs: list[Supervised]) -> str:
    job, api = prefect_server.start(state, prefect_server.free_port(PORTS[0]), dict(os.environ))
    jobs.append(job)
    prefect_server.wait(job, api)
    with whole_file(state / "ui.json") as draft:
        draft.write_text(json.dumps({"api": api}))
    return api


def _settle(root: Path, api: str) -> None:
    """Pages that show a killed run as running would mislead."""
    with suppress(BadInput), locks.locked(root):
        if not run.tidy(root) and not any(one.pid for one in record.every(root)):
            return
        os.environ["PREFECT_API_URL"] = api
        from flows.retrain.flow import settle

        settle(root)


def _mlflow(state: Path, jobs: list[Supervised]) -> str:
    store = os.environ["MLFLOW_TRACKING_URI"]
    if store.startswith("http"):
        return mlflow_health.shown(store)
    port = prefect_server.free_port(PORTS[1])
    where = ["--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    argv = [sys.executable, "-m", "mlflow", "server", *where]
    env = {**os.environ, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}  # seven idle processes
    env["MLFLOW_BACKEND_STORE_URI"] = store  # no argument: others may read those, passwords too
    job, page = Supervised(argv, state, env), f"http://127.0.0.1:{port}"
    jobs.append(job)
    prefect_server.wait(job, page)
    return page
