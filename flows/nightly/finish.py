"""Finish a night: write its summary sentence, its MLflow run, its page, and the trend page over all
nights.
"""

import os
import time

import mlflow
from mlflow.entities import Metric
from mlflow.exceptions import MlflowException

from flows.nightly import page, record, trend
from flows.nightly.record import NightCandidate, NightRecord
from flows.nightly.session import NightSession
from flows.runs import terminal
from flows.tracking import mlflow_health, mlflow_registry
from flows.tracking.mlflow_runs import BATCH_PARAMETERS, MAX_TEXT_LENGTH
from touchline.errors import InputError
from touchline.report.trend import write_trend_page

EXPERIMENT = "nightly"
TREND_PAGE = "trend.html"


def summarize_night(night: NightRecord) -> str:
    """One sentence on the night: how many models answered how many questions, who is champion, and
    which models regressed.
    """
    answered = [candidate for candidate in night.candidates.values() if candidate.answers]
    where = f"{night.benchmark['questions']} questions of {night.benchmark['matches']} matches"
    promoted = [candidate.model.name for candidate in answered if candidate.promoted]
    now = night.champion_after
    champion = f"{now.name} is champion" if now else "there is no champion yet"
    if promoted:
        champion = f"{promoted[-1]} is the new champion"
    worse = [candidate.model.name for candidate in answered if candidate.regression]
    tail = f"; worse beyond its interval: {', '.join(worse)}" if worse else ""
    models = f"{len(answered)} model{'s' * (len(answered) != 1)}"
    return f"{models} answered {where}; {champion}{tail}"


def finish_night(session: NightSession) -> None:
    """Write the night's page, log the night to MLflow, save the record and rewrite the trend page.
    If MLflow is unreachable, the reason is kept in `untold`.
    """
    if session.night.state == "running":
        session.night.page = page.write_night_page(
            session.folder, session.pinned_benchmark, session.night
        )
    try:  # the border to the network: MLflow may have gone while the night went on
        mlflow_health.check_mlflow_reachable()
        session.night.tracking_run = _log_to_mlflow(session.night)
    except (InputError, MlflowException) as error:
        session.night.untold = " ".join(str(error).split())
        terminal.print_line(f"MLflow was not told: {session.night.untold}")
    session.save()
    write_trend_page(
        session.folder / TREND_PAGE, trend.build_night_trend(_nights_with_current(session))
    )


def _nights_with_current(session: NightSession) -> list[NightRecord]:
    """All nights; the one that goes on counts as what it is about to be."""
    done = "completed" if session.night.state == "running" else session.night.state
    now = session.night.model_copy(update={"state": done})
    return [
        now if night.id == now.id else night for night in record.list_night_records(session.root)
    ]


def _log_to_mlflow(night: NightRecord) -> str:
    """A run in the experiment `nightly`: numbers by candidate and task, digests as tags."""
    client = mlflow_registry.open_mlflow_client()
    tags = {"commit": night.commit, "night": night.id, "sentence": night.sentence[:MAX_TEXT_LENGTH]}
    tags |= {f"benchmark.{key}": str(value) for key, value in night.benchmark.items()}
    tags |= {"error": night.error[:MAX_TEXT_LENGTH]} if night.error else {}
    for role, candidate in _candidates_by_role(night).items():
        tags |= {f"{role}.run": candidate.model.run, f"{role}.dvc.md5": candidate.model.md5}
        tags |= {f"{role}.answers": candidate.answers, f"{role}.evidence": candidate.evidence}
        tags |= {f"{role}.decision": candidate.decision[:MAX_TEXT_LENGTH]}
    run_id = client.create_run(_experiment_id(client), tags=tags, run_name=night.id).info.run_id
    metrics = [Metric(k, v, int(time.time() * 1000), 0) for k, v in _metrics_by_role(night).items()]
    for start in range(0, len(metrics), BATCH_PARAMETERS):
        client.log_batch(run_id, metrics=metrics[start : start + BATCH_PARAMETERS])
    failed = night.state == "failed"
    client.set_terminated(run_id, "FAILED" if failed else "FINISHED")
    return run_id


def _candidates_by_role(night: NightRecord) -> dict[str, NightCandidate]:
    """The two that a night is known by: names that stay the same from night to night."""
    by_role = {"newest": night.candidates.get(night.newest)}
    if night.champion:
        by_role["champion"] = night.candidates.get(night.champion.name)
    return {role: candidate for role, candidate in by_role.items() if candidate}


def _metrics_by_role(night: NightRecord) -> dict[str, float]:
    return {
        f"{role}.{task}.{metric}": float(estimate["value"])
        for role, candidate in _candidates_by_role(night).items()
        for task, metrics in {"overall": {"mean": candidate.overall}, **candidate.scores}.items()
        for metric, estimate in metrics.items()
        if estimate
    }


def _experiment_id(client: mlflow.MlflowClient) -> str:
    experiment = client.get_experiment_by_name(EXPERIMENT)
    if experiment:
        return experiment.experiment_id
    server = mlflow.get_tracking_uri().startswith("http")
    store = None if server else os.environ.get("TOUCHLINE_ARTIFACTS")
    return client.create_experiment(EXPERIMENT, artifact_location=store)
