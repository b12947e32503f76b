"""`touchline ui`: the web pages of Prefect and MLflow over the project's databases, on this machine
only.
"""

import json
import os
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path

from flows.runs import locks, record
from flows.runs.killed_runs import clean_up_killed_runs
from flows.runs.supervised import SupervisedProcess
from flows.runs.terminal import print_line
from flows.services import environment, prefect_server
from flows.tracking import mlflow_health
from touchline.atomic import atomic_file
from touchline.errors import InputError

DEFAULT_PORTS = (4200, 5000)  # Prefect, MLflow; others if these are taken


def serve_ui(root: Path) -> int:
    """Serve both pages until Ctrl-C or SIGTERM; a retrain meanwhile uses this Prefect server. A
    server that the environment names is not started, only its URL is printed.
    """
    state = environment.prepare_environment(root)
    for signal_number in (
        signal.SIGTERM,
        signal.SIGINT,
    ):  # a shell's background job would ignore SIGINT
        signal.signal(signal_number, signal.default_int_handler)
    with locks.hold_lock(root, "ui"):
        return _serve_pages(root, state)


def _serve_pages(root: Path, state: Path) -> int:
    jobs: list[SupervisedProcess] = []
    try:
        api = os.environ.get("PREFECT_API_URL") or _open_prefect(state, jobs)
        page = _open_mlflow(state, jobs)
        _close_killed_runs(root, api)
        print_line(
            f"Prefect: {api.removesuffix('/api')}\nMLflow:  {page}\nCtrl-C ends what was started"
        )
        while all(job.is_alive() for job in jobs):
            time.sleep(0.5)
        return 1
    except KeyboardInterrupt:
        return 0
    finally:
        (state / "ui.json").unlink(missing_ok=True)
        for job in jobs:
            job.stop()


def _open_prefect(state: Path, jobs: list[SupervisedProcess]) -> str:
    job, api = prefect_server.start_prefect_server(
        state, prefect_server.find_free_port(DEFAULT_PORTS[0]), dict(os.environ)
    )
    jobs.append(job)
    prefect_server.wait_for_server(job, api)
    with atomic_file(state / "ui.json") as draft:
        draft.write_text(json.dumps({"api": api}))
    return api


def _close_killed_runs(root: Path, api: str) -> None:
    """Close killed runs first, so that the pages do not show them as running."""
    with suppress(InputError), locks.hold_lock(root):
        if not clean_up_killed_runs(root) and not any(
            run_record.pid for run_record in record.list_runs(root)
        ):
            return
        os.environ["PREFECT_API_URL"] = api
        from flows.retrain.flow import report_dead_runs

        report_dead_runs(root)


def _open_mlflow(state: Path, jobs: list[SupervisedProcess]) -> str:
    store = os.environ["MLFLOW_TRACKING_URI"]
    if store.startswith("http"):
        return mlflow_health.hide_url_credentials(store)
    port = prefect_server.find_free_port(DEFAULT_PORTS[1])
    options = ["--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    argv = [sys.executable, "-m", "mlflow", "server", *options]
    env = {**os.environ, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}  # seven idle processes
    env["MLFLOW_BACKEND_STORE_URI"] = store  # no argument: others may read those, passwords too
    job, page = SupervisedProcess(argv, state, env), f"http://127.0.0.1:{port}"
    jobs.append(job)
    prefect_server.wait_for_server(job, page)
    return page
