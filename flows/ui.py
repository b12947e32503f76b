"""The pages of Prefect and MLflow over the project's own databases, on this machine only."""

import json
import os
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path

from flows import record, run, server, settings
from flows.launch import Supervised
from flows.perform import say
from touchline.faults import BadInput
from touchline.products import whole_file

PORTS = (4200, 5000)  # Prefect, MLflow; others if these are taken


def serve(root: Path) -> int:
    """Open both until Ctrl-C (or SIGTERM); a retrain meanwhile reports to this server."""
    state = settings.prepare(root)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    os.environ.pop("PREFECT_API_URL", None)
    prefect, api = server.start(state, server.free_port(PORTS[0]), dict(os.environ))
    tracking, page = _tracking(state)
    try:
        server.wait(prefect, api)
        server.wait(tracking, page)
        with whole_file(state / "ui.json") as draft:
            draft.write_text(json.dumps({"api": api}))
        _settle(root, api)
        say(f"Prefect: {api.removesuffix('/api')}\nMLflow:  {page}\nCtrl-C ends both")
        while prefect.alive() and tracking.alive():
            time.sleep(0.5)
        return 1
    except KeyboardInterrupt:
        return 0
    finally:
        (state / "ui.json").unlink(missing_ok=True)
        prefect.end()
        tracking.end()


def _settle(root: Path, api: str) -> None:
    """Pages that show a killed run as running would mislead."""
    with suppress(BadInput), run.locked(root):
        if not run.tidy(root) and not any(one.pid for one in record.every(root)):
            return
        os.environ["PREFECT_API_URL"] = api
        from flows.retrain import settle

        settle(root)


def _tracking(state: Path) -> tuple[Supervised, str]:
    port = server.free_port(PORTS[1])
    where = ["--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    store = ["--backend-store-uri", os.environ["MLFLOW_TRACKING_URI"]]
    argv = [sys.executable, "-m", "mlflow", "server", *where, *store]
    return Supervised(argv, state, os.environ), f"http://127.0.0.1:{port}"
