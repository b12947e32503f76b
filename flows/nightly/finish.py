"""End a night: its sentence, its run in MLflow, its page, and the trend over all nights."""

import os
import time

import mlflow
from mlflow.entities import Metric
from mlflow.exceptions import MlflowException

from flows.nightly import page, record, trend
from flows.nightly.record import Candidate, Night
from flows.nightly.session import Going
from flows.runs import terminal
from flows.tracking import mlflow_health, mlflow_registry
from flows.tracking.mlflow_runs import BATCH, LONGEST
from touchline.errors import BadInput
from touchline.report.trend import write_trend

EXPERIMENT = "nightly"
TREND = "trend.html"


def sentence(night: Night) -> str:
    """What the night found, for those who read one line."""
    asked = [one for one in night.candidates.values() if one.answers]
    where = f"{night.benchmark['questions']} questions of {night.benchmark['matches']} matches"
    crowned = [one.model.name for one in asked if one.promoted]
    now = night.champion_after
    champion = f"{now.name} is champion" if now else "there is no champion yet"
    if crowned:
        champion = f"{crowned[-1]} is the new champion"
    fallen = [one.model.name for one in asked if one.regression]
    tail = f"; worse beyond its interval: {', '.join(fallen)}" if fallen else ""
    models = f"{len(asked)} model{'s' * (len(asked) != 1)}"
    return f"{models} answered {where}; {champion}{tail}"


def close(going: Going) -> None:
    """Write what others look at. The record comes last: it says that all the rest is there."""
    if going.night.state == "running":
        going.night.page = page.write(going.folder, going.asked, going.night)
    try:  # the border to the network: MLflow may have gone while the night went on
        mlflow_health.reach()
        going.night.tracking_run = _track(going.night)
    except (BadInput, MlflowException) as error:
        going.night.untold = " ".join(str(error).split())
        terminal.say(f"MLflow was not told: {going.night.untold}")
    going.save()
    write_trend(going.folder / TREND, trend.story(_with(going)))


def _with(going: Going) -> list[Night]:
    """All nights; the one that goes on counts as what it is about to be."""
    done = "completed" if going.night.state == "running" else going.night.state
    now = going.night.model_copy(update={"state": done})
    return [now if night.id == now.id else night for night in record.every(going.root)]


def _track(night: Night) -> str:
    """A run in the experiment `nightly`: numbers by candidate and task, digests as tags."""
    client = mlflow_registry.client()
    tags = {"commit": night.commit, "night": night.id, "sentence": night.sentence[:LONGEST]}
    tags |= {f"benchmark.{key}": str(value) for key, value in night.benchmark.items()}
    tags |= {"error": night.error[:LONGEST]} if night.error else {}
    for role, one in _roles(night).items():
        tags |= {f"{role}.run": one.model.run, f"{role}.dvc.md5": one.model.md5}
        tags |= {f"{role}.answers": one.answers, f"{role}.evidence": one.evidence}
        tags |= {f"{role}.decision": one.decision[:LONGEST]}
    made = client.create_run(_experiment(client), tags=tags, run_name=night.id).info.run_id
    every = [Metric(k, v, int(time.time() * 1000), 0) for k, v in _numbers(night).items()]
    for at in range(0, len(every), BATCH):
        client.log_batch(made, metrics=every[at : at + BATCH])
    failed = night.state == "failed"
    client.set_terminated(made, "FAILED" if failed else "FINISHED")
    return made


def _roles(night: Night) -> dict[str, Candidate]:
    """The two that a night is known by: names that stay the same from night to night."""
    found = {"newest": night.candidates.get(night.newest)}
    if night.champion:
        found["champion"] = night.candidates.get(night.champion.name)
    return {role: one for role, one in found.items() if one}


def _numbers(night: Night) -> dict[str, float]:
    return {
        f"{role}.{task}.{metric}": float(found["value"])
        for role, one in _roles(night).items()
        for task, metrics in {"overall": {"mean": one.overall}, **one.scores}.items()
        for metric, found in metrics.items()
        if found
    }


def _experiment(client: mlflow.MlflowClient) -> str:
    found = client.get_experiment_by_name(EXPERIMENT)
    if found:
        return found.experiment_id
    server = mlflow.get_tracking_uri().startswith("http")
    store = None if server else os.environ.get("TOUCHLINE_ARTIFACTS")
    return client.create_experiment(EXPERIMENT, artifact_location=store)
