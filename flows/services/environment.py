"""Environment variables for Prefect, MLflow and DVC: by default everything is kept in
.touchline/.
"""

import os
import sys
from pathlib import Path

PREFECT_SERVICES = (  # a server that lives as long as one run needs none of them
    "CANCELLATION_CLEANUP",
    "FOREMAN",
    "LATE_RUNS",
    "PAUSE_EXPIRATIONS",
    "SCHEDULER",
    "TRIGGERS",
)


def prepare_environment(root: Path) -> Path:
    """Set the variables that are not set yet and return the `.touchline` folder; call before
    Prefect or MLflow is imported.

    `PREFECT_API_URL`, `PREFECT_API_DATABASE_CONNECTION_URL` and `MLFLOW_TRACKING_URI` keep their
    values if set.
    """
    state = root / ".touchline"
    state.mkdir(exist_ok=True)
    for name, value in build_default_environment(state).items():
        os.environ.setdefault(name, value)
    return state


def build_default_environment(state: Path) -> dict[str, str]:
    """Default values of the variables; telemetry is off everywhere."""
    return {
        "PREFECT_HOME": str(state / "prefect"),
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "false",
        "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": "30",  # seconds; a zombie is known by its silence
        "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "CRITICAL",  # the terminal hears us, not it
        "PREFECT_SERVER_LOGGING_LEVEL": "ERROR",
        "MLFLOW_TRACKING_URI": f"sqlite:///{state / 'mlflow.db'}",
        "TOUCHLINE_ARTIFACTS": str(state / "artifacts"),  # of MLflow, unless it is a server
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "DVC_NO_ANALYTICS": "1",
        "GX_ANALYTICS_ENABLED": "false",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "DO_NOT_TRACK": "1",
    }


def build_server_environment() -> dict[str, str]:
    """Environment of a Prefect server for a single run, with unneeded services off."""
    off = {f"PREFECT_SERVER_SERVICES_{name}_ENABLED": "false" for name in PREFECT_SERVICES}
    return {**os.environ, **off}


def build_stage_environment(root: Path, folder: Path, extra: dict[str, str]) -> dict[str, str]:
    """Environment of a stage process: this Python first in PATH, and the worktree's code.

    `TOUCHLINE_ROOT` is the user's checkout, to which relative folders of raw data refer.
    """
    path = [str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)]
    python = [str(folder), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {
        **os.environ,
        "PATH": os.pathsep.join(path),
        "PYTHONPATH": os.pathsep.join(python),
        "PYTHONUNBUFFERED": "1",
        "TOUCHLINE_ROOT": str(root),
        "SHELL": "/bin/sh",  # DVC runs commands in $SHELL
        "HF_MLFLOW_LOG_ARTIFACTS": "FALSE",  # weights stay in DVC's cache: they may be under an NDA
        **extra,
    }
