"""`touchline nightly`: run a night from the console, and raise an alarm if nights did not run."""

import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from flows.nightly import alerts, record, session
from flows.nightly.session import NightlyParams, NightRequest, NightSession
from flows.runs.terminal import print_line
from flows.services import environment, prefect_server
from flows.tracking import mlflow_health
from touchline.config import load_params_section
from touchline.errors import InputError

LEEWAY = 0.1  # hours by which two clocks may differ


def run_night(root: Path, request: NightRequest) -> int:
    """Run a night in this process. Exit status 0: completed without regression; 1: it failed or
    found a regression.
    """
    environment.prepare_environment(root)
    with session.open_night(root, request) as night_session:
        _require_mlflow(night_session)
        state = _run_flow(root, night_session)
        if not state.is_completed() and night_session.night.state == "running":
            night_session.night.state, night_session.night.error = (
                "failed",
                f"the flow: {state.message}",
            )
    print_line(
        f"night {night_session.night.id}: "
        f"{night_session.night.error or night_session.night.sentence}"
    )
    print_line(f"see {night_session.folder.relative_to(root) / 'trend.html'}")
    worse = any(candidate.regression for candidate in night_session.night.candidates.values())
    return 1 if worse or night_session.night.state != "completed" else 0


def _require_mlflow(night_session: NightSession) -> None:
    """Raise an input error at once, after alerting, if MLflow is unreachable: the champion is
    registered there.
    """
    try:
        mlflow_health.check_mlflow_reachable()
    except InputError as fault:
        night_session.night.error = str(fault)
        alerts.send_alerts(
            night_session,
            alerts.list_alerts(night_session.night, record.list_night_records(night_session.root)),
        )
        raise


def _run_flow(root: Path, night_session: NightSession) -> Any:
    with prefect_server.serve_prefect(root, night_session.lock, flow="flows.nightly.flow"):
        from prefect.events.worker import EventsWorker

        from flows.nightly.flow import nightly as flow

        named_flow = flow.with_options(flow_run_name=f"night {night_session.night.id}")
        request = night_session.request
        try:
            with session.offer_night(night_session):
                return named_flow(request.benchmark, list(request.runs), return_state=True)
        finally:
            sys.stdout.flush()
            EventsWorker.drain_all(timeout=10)


def check_last_night(root: Path, hours: float | None) -> int:
    """Exit status 0 if the last completed night ended less than `hours` ago. Otherwise prints a
    sentence, sends an alert and returns 1.
    """
    params: NightlyParams = load_params_section(NightlyParams, "nightly", root / "params.yaml")
    limit = params.hours if hours is None else hours
    last = record.find_last_completed_night(root)
    if last is not None and -LEEWAY <= (age := _hours_since(last.ended)) <= limit:
        print_line(f"the last night ended {age:.1f} hours ago: {last.sentence}")
        return 0
    sentence = _describe_absence(root, limit, last)
    environment.prepare_environment(root)
    payload = {"night": last.id if last else "", "about": "absent", "sentence": sentence}
    sys.stderr.write(f"{sentence}; alert: {alerts.send_alert(params.alert, payload)}\n")
    return 1


def _describe_absence(root: Path, limit: float, last: record.NightRecord | None) -> str:
    if last is None:
        sentence = f"no night has completed in {root.name} yet"
    elif (age := _hours_since(last.ended)) < -LEEWAY:
        sentence = (
            f"the last night in {root.name} is dated {-age:.1f} hours after now: the clock was"
        )
        sentence += " put back, so nobody knows how old it is"
    else:
        sentence = f"the last night in {root.name} ended {age:.1f} hours ago"
    later = [
        other for other in record.list_night_records(root) if last is None or other.id > last.id
    ]
    tail = f"; since then: {later[-1].state} ({later[-1].error})" if later else ""
    return f"{sentence}, one is due every {limit:g} hours{tail}"


def _hours_since(ended: str) -> float:
    return (datetime.now(UTC) - datetime.fromisoformat(ended)).total_seconds() / 3600


def arm_night_alarms(root: Path, hours: float | None) -> int:
    """Create the alarm automations on the Prefect server named by PREFECT_API_URL, or on that of
    `touchline ui`. Raises an input error if there is no server.
    """
    state = environment.prepare_environment(root)
    api = os.environ.get("PREFECT_API_URL") or prefect_server.find_open_ui(state)
    if not api:
        remedy = "set PREFECT_API_URL, or open `touchline ui`"
        raise InputError("nightly --arm", "there is no Prefect server to arm", remedy)
    os.environ["PREFECT_API_URL"] = api
    from flows.nightly import alerts

    params: NightlyParams = load_params_section(NightlyParams, "nightly", root / "params.yaml")
    limit = params.hours if hours is None else hours
    for name in alerts.create_alarm_automations(params.alert, limit):
        print_line(f"armed: {name}")
    return 0
