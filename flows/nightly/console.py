"""`touchline nightly`: a night from the console, and the alarm for nights that did not run."""

import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from flows.nightly import alerts, record, session
from flows.nightly.session import Going, Nightly, Request
from flows.runs.terminal import say
from flows.services import environment, prefect_server
from flows.tracking import mlflow_health
from touchline.config import section
from touchline.errors import BadInput

LEEWAY = 0.1  # hours by which two clocks may differ


def spend(root: Path, request: Request) -> int:
    """A night in this process. Exit status 0: done; 1: it failed, or found a regression."""
    environment.prepare(root)
    with session.opened(root, request) as going:
        _knock(going)
        state = _follow(root, going)
        if not state.is_completed() and going.night.state == "running":
            going.night.state, going.night.error = "failed", f"the flow: {state.message}"
    say(f"night {going.night.id}: {going.night.error or going.night.sentence}")
    say(f"see {going.folder.relative_to(root) / 'trend.html'}")
    worse = any(one.regression for one in going.night.candidates.values())
    return 1 if worse or going.night.state != "completed" else 0


def _knock(going: Going) -> None:
    """Without MLflow nobody knows who is champion: say so to whoever hears alarms, and at once."""
    try:
        mlflow_health.reach()
    except BadInput as fault:
        going.night.error = str(fault)
        alerts.tell(going, alerts.about(going.night, record.every(going.root)))
        raise


def _follow(root: Path, going: Going) -> Any:
    with prefect_server.served(root, going.lock, flow="flows.nightly.flow"):
        from prefect.events.worker import EventsWorker

        from flows.nightly.flow import CURRENT
        from flows.nightly.flow import nightly as flow

        token = CURRENT.set(going)
        try:
            named = flow.with_options(flow_run_name=f"night {going.night.id}")
            ask = going.request
            return named(ask.benchmark, list(ask.runs), return_state=True)
        finally:
            CURRENT.reset(token)
            sys.stdout.flush()
            EventsWorker.drain_all(timeout=10)


def check(root: Path, hours: float | None) -> int:
    """Exit status 1, a sentence and an alert when no night completed in so many hours."""
    params: Nightly = section(Nightly, "nightly", root / "params.yaml")
    limit = params.hours if hours is None else hours
    last = record.last(root)
    if last is not None and -LEEWAY <= (age := _age(last.ended)) <= limit:
        say(f"the last night ended {age:.1f} hours ago: {last.sentence}")
        return 0
    sentence = _absent(root, limit, last)
    environment.prepare(root)
    payload = {"night": last.id if last else "", "about": "absent", "sentence": sentence}
    sys.stderr.write(f"{sentence}; alert: {alerts.send(params.alert, payload)}\n")
    return 1


def _absent(root: Path, limit: float, last: record.Night | None) -> str:
    if last is None:
        said = f"no night has completed in {root.name} yet"
    elif (age := _age(last.ended)) < -LEEWAY:
        said = f"the last night in {root.name} is dated {-age:.1f} hours after now: the clock was"
        said += " put back, so nobody knows how old it is"
    else:
        said = f"the last night in {root.name} ended {age:.1f} hours ago"
    later = [one for one in record.every(root) if last is None or one.id > last.id]
    tail = f"; since then: {later[-1].state} ({later[-1].error})" if later else ""
    return f"{said}, one is due every {limit:g} hours{tail}"


def _age(ended: str) -> float:
    return (datetime.now(UTC) - datetime.fromisoformat(ended)).total_seconds() / 3600


def arm(root: Path, hours: float | None) -> int:
    """Put the automations on the Prefect server that `PREFECT_API_URL` names, or of `ui`."""
    state = environment.prepare(root)
    api = os.environ.get("PREFECT_API_URL") or prefect_server.open_ui(state)
    if not api:
        remedy = "set PREFECT_API_URL, or open `touchline ui`"
        raise BadInput("nightly --arm", "there is no Prefect server to arm", remedy)
    os.environ["PREFECT_API_URL"] = api
    from flows.nightly import alerts

    params: Nightly = section(Nightly, "nightly", root / "params.yaml")
    limit = params.hours if hours is None else hours
    for name in alerts.arm(params.alert, limit):
        say(f"armed: {name}")
    return 0
