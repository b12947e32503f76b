"""What an audit may be asked of: a run, a model, a metric; and the run behind it."""

import re
from pathlib import Path
from typing import Any

from flows.runs import past_run, record
from flows.runs.record import Record
from touchline.errors import BadInput

DIGEST = re.compile(r"[0-9a-f]{32}(\.dir)?")


def resolve(root: Path, what: str) -> tuple[Record, dict[str, Any]]:
    """The run behind what is asked for, and what of it: a run, a model, a metric."""
    runs = record.every(root)
    if what == "latest" or any(one.id.startswith(what) for one in runs):
        found = past_run.find(root, what)
        return found, {"kind": "run", "name": found.id}
    if model := _model(root, runs, what):
        return model
    if metric := _metric(runs, what):
        return metric
    remedy = "`touchline runs` lists the runs; a model is data/rl, a metric spotting.f1"
    raise BadInput(what, "is no run, model or metric that is known here", remedy)


def _model(root: Path, runs: list[Record], what: str) -> tuple[Record, dict[str, Any]] | None:
    """By path, digest, or the registry's alias or version: the run that made these weights."""
    wanted = what if DIGEST.fullmatch(what) else ""
    if what == "champion" or re.fullmatch(r"v?\d+", what):
        wanted = _registered(root, what)
    for one in reversed(runs):
        for file in one.products:
            named = file.path in (what, f"data/{what}") and one.state == "completed"
            if named or (wanted and file.md5.startswith(wanted.removesuffix(".dir"))):
                first = _maker(runs, file.path, file.md5) or one
                return first, {"kind": "model", "name": file.path, "md5": file.md5}
    return None


def _maker(runs: list[Record], path: str, md5: str) -> Record | None:
    """The last run that scored these weights; else the first that made them."""
    with_it = [
        one for one in runs if any(file.path == path and file.md5 == md5 for file in one.products)
    ]
    done = [one for one in with_it if one.state == "completed"]
    return (done or with_it or [None])[-1]


def _registered(root: Path, what: str) -> str:
    """The digest of a version or alias; "" where the registry does not know it."""
    from flows.services import environment
    from flows.tracking import mlflow_health

    environment.prepare(root)
    mlflow_health.reach()
    from mlflow.exceptions import MlflowException

    from flows.tracking import mlflow_registry

    client = mlflow_registry.client()
    try:
        if what == mlflow_registry.ALIAS:
            found = client.get_model_version_by_alias(mlflow_registry.NAME, what)
        else:
            found = client.get_model_version(mlflow_registry.NAME, what.removeprefix("v"))
    except MlflowException as error:
        if error.error_code not in mlflow_registry.ABSENT:
            raise
        return ""
    return found.tags.get("dvc.md5", "")


def _metric(runs: list[Record], what: str) -> tuple[Record, dict[str, Any]] | None:
    """`[CANDIDATE.]TASK.METRIC` of the last evaluation; the last candidate where none is named."""
    for one in reversed(runs):
        for done in reversed(one.stages.values()):
            for name, tasks in reversed(done.metrics.get("candidates", {}).items()):
                for task, metrics in tasks.items():
                    for metric, held in metrics.items():
                        if what in (f"{task}.{metric}", f"{name}.{task}.{metric}"):
                            figures = {k: held.get(k) for k in ("value", "low", "high", "n")}
                            said = f"{name}.{task}.{metric}"
                            return one, {"kind": "metric", "name": said, **figures}
    return None
