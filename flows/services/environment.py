"""Where Prefect, MLflow and DVC keep things: in .touchline/, unless the environment says else."""

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


def prepare(root: Path) -> Path:
    """Set what the environment leaves open; call before Prefect or MLflow is imported.

    `PREFECT_API_URL` (a server), `PREFECT_API_DATABASE_CONNECTION_URL` (PostgreSQL) and
    `MLFLOW_TRACKING_URI` (PostgreSQL or a server) win over what stands here.
    """
    state = root / ".touchline"
    state.mkdir(exist_ok=True)
    for name, value in defaults(state).items():
        os.environ.setdefault(name, value)
    return state


def defaults(state: Path) -> dict[str, str]:
    """Nobody is told of a run: telemetry is off everywhere."""
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


def server() -> dict[str, str]:
    """The environment of a Prefect server that serves one run."""
    off = {f"PREFECT_SERVER_SERVICES_{name}_ENABLED": "false" for name in PREFECT_SERVICES}
    return {**os.environ, **off}


def stage(root: Path, folder: Path, extra: dict[str, str]) -> dict[str, str]:
    """The environment of a stage: this Python first, and the worktree's code.

    `TOUCHLINE_ROOT` is the user's checkout, from which relative folders of raw data count.
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
