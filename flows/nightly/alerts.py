"""Alerts of nights: automations for a night that fails or is late, and messages through a Prefect
block or a URL.
"""

import json
import os
from collections.abc import Iterable
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from prefect.automations import Automation
from prefect.blocks.core import Block
from prefect.blocks.webhook import Webhook
from prefect.client.orchestration import get_client
from prefect.events.actions import CallWebhook, SendNotification
from prefect.events.schemas.automations import EventTrigger, Posture
from prefect.events.schemas.events import ResourceSpecification
from pydantic import SecretStr

from flows.nightly import record
from flows.nightly.record import NightRecord
from flows.nightly.session import NightSession
from touchline.errors import InputError

ALERT_URL = "TOUCHLINE_ALERT_URL"  # may hold a secret: only its host is ever written down
ALERT_TIMEOUT = 10.0  # seconds
SENT, UNSENT = "sent", "not sent"


def list_alerts(night: NightRecord, before: Iterable[NightRecord]) -> list[tuple[str, str]]:
    """The alerts a night must send, as (kind, sentence). Failures are always sent; a regression or
    refusal only if no earlier night sent the same sentence.
    """
    alerts = [("failed", night.error)] if night.error else []
    for entry in night.candidates.values():
        alerts += [("failed", entry.error)] if entry.error else []
        alerts += [("regression", entry.regression)] if entry.regression else []
        alerts += [("refused", entry.decision)] if entry.decision and not entry.promoted else []
    earlier_sentences = {alert["sentence"] for entry in before for alert in entry.alerts}
    return [
        (kind, sentence)
        for kind, sentence in alerts
        if kind == "failed" or sentence not in earlier_sentences
    ]


def send_alerts(session: NightSession, kinds: Iterable[tuple[str, str]]) -> None:
    """Resend the unsent alerts of earlier nights, then send these (kind, sentence) pairs and record
    each outcome in the night.
    """
    for night in record.list_night_records(session.root):
        if any(alert["outcome"].startswith(UNSENT) for alert in night.alerts):
            _resend_alerts(session, night)
    for kind, sentence in kinds:
        alert = {"about": kind, "sentence": sentence}
        alert["outcome"] = send_alert(
            session.nightly.alert, _alert_payload(session.night.id, alert)
        )
        session.night.alerts.append(alert)
    session.save()


def _resend_alerts(session: NightSession, night: NightRecord) -> None:
    for alert in night.alerts:
        if alert["outcome"].startswith(UNSENT):
            alert["outcome"] = send_alert(session.nightly.alert, _alert_payload(night.id, alert))
    record.write_night_record(session.root, night)


def _alert_payload(night: str, alert: dict[str, str]) -> dict[str, str]:
    return {"night": night, "about": alert["about"], "sentence": alert["sentence"]}


def send_alert(block: str, payload: dict[str, str]) -> str:
    """Send one alert to the Prefect block, or to TOUCHLINE_ALERT_URL if no block is named. Never
    raises: returns `sent to ...`, `not sent to ...` with the reason, or that no recipient is
    configured.
    """
    url = os.environ.get(ALERT_URL, "")
    if not block and not url:
        return f"nobody is told: name a block in nightly.alert, or set {ALERT_URL}"
    destination = f"block {block}" if block else _host(url) or "an address without a host"
    try:  # the border to the network
        _notify_block(block, payload) if block else _post_alert(url, payload)
    except Exception as error:
        return f"{UNSENT} to {destination}: {_failure_reason(error)}"
    return f"{SENT} to {destination}"


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def _post_alert(url: str, payload: dict[str, str]) -> None:
    import httpx

    httpx.post(url, json=payload, timeout=ALERT_TIMEOUT).raise_for_status()


def _notify_block(name: str, payload: dict[str, str]) -> None:
    from prefect.blocks.core import Block

    try:
        block: Any = Block.load(name)
    except ValueError:
        raise InputError(name, "the server has no such block", "`prefect block ls`") from None
    if hasattr(block, "notify"):
        block.notify(payload["sentence"], subject=f"touchline: {payload['about']}")
        return
    block.call(payload=payload).raise_for_status()


def _failure_reason(error: Exception) -> str:
    """What went wrong, without the address: httpx and its like quote it whole."""
    status = getattr(getattr(error, "response", None), "status_code", None)
    if status:
        return f"it answered {status}"
    return error.wrong if isinstance(error, InputError) else type(error).__name__


FLOW_NAME = "nightly"
WEBHOOK_BLOCK = "touchline-alert"  # the block made of the address in the environment
FAILURE_STATES = ("Failed", "Crashed", "TimedOut", "Late")


def create_alarm_automations(block: str, hours: float) -> list[str]:
    """Create the two automations anew and return their names. Raises an input error if no alert
    block or address is configured.
    """
    block_id, is_notification = _load_alert_block(block)

    def build_action(about: str, sentence: str) -> Any:
        if is_notification:
            subject = f"touchline: {about}"
            return SendNotification(block_document_id=block_id, subject=subject, body=sentence)
        payload = {"night": "", "about": about, "sentence": sentence}
        return CallWebhook(block_document_id=block_id, payload=json.dumps(payload))

    absence_sentence = f"no night has completed in the last {hours:g} hours"
    automations = [
        Automation(
            name="touchline: no night",
            description="The absence of a completed flow run `nightly` is an alarm.",
            trigger=_absence_trigger(hours),
            actions=[build_action("absent", absence_sentence)],
        ),
        Automation(
            name="touchline: a night failed",
            description="A flow run `nightly` that failed, crashed or did not start in time.",
            trigger=_failure_trigger(),
            actions=[build_action("failed", "the flow run `nightly` failed, crashed or is late")],
        ),
    ]
    for automation in automations:
        _delete_automation(automation.name)
        automation.create()
    return [automation.name for automation in automations]


def _flow_resource() -> ResourceSpecification:
    return ResourceSpecification(
        {"prefect.resource.role": "flow", "prefect.resource.name": FLOW_NAME}
    )


def _absence_trigger(hours: float) -> EventTrigger:
    return EventTrigger(
        posture=Posture.Proactive,
        expect={"prefect.flow-run.Completed"},
        match_related=_flow_resource(),
        threshold=1,
        within=timedelta(hours=hours),
    )


def _failure_trigger() -> EventTrigger:
    return EventTrigger(
        posture=Posture.Reactive,
        expect={f"prefect.flow-run.{state}" for state in FAILURE_STATES},
        match_related=_flow_resource(),
        threshold=1,
        within=timedelta(0),
    )


def _load_alert_block(name: str) -> tuple[Any, bool]:
    """Id of the Prefect block that sends the alarm, and whether it is a notification block (else a
    webhook).
    """
    if not name:
        address = os.environ.get(ALERT_URL, "")
        if not address:
            wrong = "there is nobody to tell"
            raise InputError(
                "nightly --arm", wrong, f"name a block in nightly.alert, or set {ALERT_URL}"
            )
        return Webhook(method="POST", url=SecretStr(address)).save(
            WEBHOOK_BLOCK, overwrite=True
        ), False
    try:
        block: Any = Block.load(name)
    except ValueError:
        remedy = "`prefect block ls` lists them"
        raise InputError(f"nightly.alert: {name}", "the server has no such block", remedy) from None
    return block._block_document_id, hasattr(block, "notify")


def _delete_automation(name: str) -> None:
    with get_client(sync_client=True) as client:
        for automation in client.read_automations_by_name(name):
            client.delete_automation(automation.id)
