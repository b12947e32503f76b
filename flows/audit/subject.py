"""Resolve the argument of `touchline audit` (a run, a model or a metric) to the run behind it."""

import re
from pathlib import Path
from typing import Any

from flows.runs import past_run, record
from flows.runs.record import RunRecord
from touchline.errors import InputError

MD5_DIGEST = re.compile(r"[0-9a-f]{32}(\.dir)?")


def resolve_audit_target(root: Path, name: str) -> tuple[RunRecord, dict[str, Any]]:
    """(run, {kind, name, ...}) for a run id, `latest`, a model or a metric. Raises `InputError` if
    it is unknown.
    """
    runs = record.list_runs(root)
    if name == "latest" or any(known_run.id.startswith(name) for known_run in runs):
        run_record = past_run.find_past_run(root, name)
        return run_record, {"kind": "run", "name": run_record.id}
    if model := _find_model(root, runs, name):
        return model
    if metric := _find_metric(runs, name):
        return metric
    remedy = "`touchline runs` lists the runs; a model is data/rl, a metric spotting.f1"
    raise InputError(name, "is not a run, model or metric that is known here", remedy)


def _find_model(
    root: Path, runs: list[RunRecord], name: str
) -> tuple[RunRecord, dict[str, Any]] | None:
    """A model by path, md5, registry version or `champion`, with the run that made or scored it."""
    digest = name if MD5_DIGEST.fullmatch(name) else ""
    if name == "champion" or re.fullmatch(r"v?\d+", name):
        digest = _find_registered_digest(root, name)
    for run_record in reversed(runs):
        for file in run_record.products:
            path_matches = file.path in (name, f"data/{name}") and run_record.state == "completed"
            if path_matches or (digest and file.md5.startswith(digest.removesuffix(".dir"))):
                maker = _find_maker(runs, file.path, file.md5) or run_record
                return maker, {"kind": "model", "name": file.path, "md5": file.md5}
    return None


def _find_maker(runs: list[RunRecord], path: str, md5: str) -> RunRecord | None:
    """The last run that scored these weights; else the first that made them."""
    runs_with_weights = [
        run_record
        for run_record in runs
        if any(file.path == path and file.md5 == md5 for file in run_record.products)
    ]
    completed_runs = [
        run_record for run_record in runs_with_weights if run_record.state == "completed"
    ]
    return (completed_runs or runs_with_weights or [None])[-1]


def _find_registered_digest(root: Path, name: str) -> str:
    """md5 of a registry version or alias; an empty string if the registry does not have it."""
    from flows.services import environment
    from flows.tracking import mlflow_health

    environment.prepare_environment(root)
    mlflow_health.check_mlflow_reachable()
    from mlflow.exceptions import MlflowException

    from flows.tracking import mlflow_registry

    client = mlflow_registry.open_mlflow_client()
    try:
        if name == mlflow_registry.ALIAS:
            version = client.get_model_version_by_alias(mlflow_registry.NAME, name)
        else:
            version = client.get_model_version(mlflow_registry.NAME, name.removeprefix("v"))
    except MlflowException as error:
        if error.error_code not in mlflow_registry.NOT_FOUND_CODES:
            raise
        return ""
    return version.tags.get("dvc.md5", "")


def _find_metric(
    runs: list[RunRecord], metric_name: str
) -> tuple[RunRecord, dict[str, Any]] | None:
    """`[CANDIDATE.]TASK.METRIC` of the last evaluation; the last candidate if none is given."""
    for run_record in reversed(runs):
        for stage_record in reversed(run_record.stages.values()):
            for name, tasks in reversed(stage_record.metrics.get("candidates", {}).items()):
                for task, metrics in tasks.items():
                    for metric, score in metrics.items():
                        if metric_name in (f"{task}.{metric}", f"{name}.{task}.{metric}"):
                            figures = {k: score.get(k) for k in ("value", "low", "high", "n")}
                            full_name = f"{name}.{task}.{metric}"
                            return run_record, {"kind": "metric", "name": full_name, **figures}
    return None
