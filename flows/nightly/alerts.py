"""The dead man's switch: automations on a Prefect server that speak up when the nights do not.

The server watches by itself, whether workers are alive or not. A server that lives only as long as
one night cannot watch; without one that stays, `touchline nightly --check` in cron does.
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
from flows.nightly.record import Night
from flows.nightly.session import Going
from touchline.errors import BadInput

URL = "TOUCHLINE_ALERT_URL"  # may hold a secret: only its host is ever written down
PATIENCE = 10.0  # seconds
SENT, UNSENT = "sent", "not sent"


def about(night: Night, before: Iterable[Night]) -> list[tuple[str, str]]:
    """What a night has to tell: (kind, sentence). A failure always, the rest once."""
    found = [("failed", night.error)] if night.error else []
    for one in night.candidates.values():
        found += [("failed", one.error)] if one.error else []
        found += [("regression", one.regression)] if one.regression else []
        found += [("refused", one.decision)] if one.decision and not one.promoted else []
    told = {alert["sentence"] for one in before for alert in one.alerts}
    return [(kind, said) for kind, said in found if kind == "failed" or said not in told]


def tell(going: Going, kinds: Iterable[tuple[str, str]]) -> None:
    """Send, and write down what became of it; what earlier nights could not send goes first."""
    for night in record.every(going.root):
        if any(alert["outcome"].startswith(UNSENT) for alert in night.alerts):
            _again(going, night)
    for kind, sentence in kinds:
        alert = {"about": kind, "sentence": sentence}
        alert["outcome"] = send(going.nightly.alert, _payload(going.night.id, alert))
        going.night.alerts.append(alert)
    going.save()


def _again(going: Going, night: Night) -> None:
    for alert in night.alerts:
        if alert["outcome"].startswith(UNSENT):
            alert["outcome"] = send(going.nightly.alert, _payload(night.id, alert))
    record.write(going.root, night)


def _payload(night: str, alert: dict[str, str]) -> dict[str, str]:
    return {"night": night, "about": alert["about"], "sentence": alert["sentence"]}


def send(block: str, payload: dict[str, str]) -> str:
    """`sent to ...`, `not sent to ...`, or that nobody is to be told. Never raises."""
    url = os.environ.get(URL, "")
    if not block and not url:
        return f"nobody is told: name a block in nightly.alert, or set {URL}"
    where = f"block {block}" if block else _host(url) or "an address without a host"
    try:  # the border to the network
        _by_block(block, payload) if block else _post(url, payload)
    except Exception as error:
        return f"{UNSENT} to {where}: {_reason(error)}"
    return f"{SENT} to {where}"


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def _post(url: str, payload: dict[str, str]) -> None:
    import httpx

    httpx.post(url, json=payload, timeout=PATIENCE).raise_for_status()


def _by_block(name: str, payload: dict[str, str]) -> None:
    from prefect.blocks.core import Block

    try:
        found: Any = Block.load(name)
    except ValueError:
        raise BadInput(name, "the server has no such block", "`prefect block ls`") from None
    if hasattr(found, "notify"):
        found.notify(payload["sentence"], subject=f"touchline: {payload['about']}")
        return
    found.call(payload=payload).raise_for_status()


def _reason(error: Exception) -> str:
    """What went wrong, without the address: httpx and its like quote it whole."""
    status = getattr(getattr(error, "response", None), "status_code", None)
    if status:
        return f"it answered {status}"
    return error.wrong if isinstance(error, BadInput) else type(error).__name__


FLOW = "nightly"
OWN = "touchline-alert"  # the block made of the address in the environment
BAD = ("Failed", "Crashed", "TimedOut", "Late")


def arm(block: str, hours: float) -> list[str]:
    """Make the automations anew; their names. A `BadInput` when there is nobody to tell."""
    document, notifies = _block(block)

    def act(about: str, sentence: str) -> Any:
        if notifies:
            subject = f"touchline: {about}"
            return SendNotification(block_document_id=document, subject=subject, body=sentence)
        payload = {"night": "", "about": about, "sentence": sentence}
        return CallWebhook(block_document_id=document, payload=json.dumps(payload))

    silent = f"no night has completed in the last {hours:g} hours"
    made = [
        Automation(
            name="touchline: no night",
            description="The absence of a completed flow run `nightly` is an alarm.",
            trigger=_absence(hours),
            actions=[act("absent", silent)],
        ),
        Automation(
            name="touchline: a night failed",
            description="A flow run `nightly` that failed, crashed or did not start in time.",
            trigger=_failure(),
            actions=[act("failed", "the flow run `nightly` failed, crashed or is late")],
        ),
    ]
    for one in made:
        _remove(one.name)
        one.create()
    return [one.name for one in made]


def _of_the_flow() -> ResourceSpecification:
    return ResourceSpecification({"prefect.resource.role": "flow", "prefect.resource.name": FLOW})


def _absence(hours: float) -> EventTrigger:
    return EventTrigger(
        posture=Posture.Proactive,
        expect={"prefect.flow-run.Completed"},
        match_related=_of_the_flow(),
        threshold=1,
        within=timedelta(hours=hours),
    )


def _failure() -> EventTrigger:
    return EventTrigger(
        posture=Posture.Reactive,
        expect={f"prefect.flow-run.{state}" for state in BAD},
        match_related=_of_the_flow(),
        threshold=1,
        within=timedelta(0),
    )


def _block(name: str) -> tuple[Any, bool]:
    """The id of the block that tells, and whether it is one for notifications."""
    if not name:
        address = os.environ.get(URL, "")
        if not address:
            wrong = "there is nobody to tell"
            raise BadInput("nightly --arm", wrong, f"name a block in nightly.alert, or set {URL}")
        return Webhook(method="POST", url=SecretStr(address)).save(OWN, overwrite=True), False
    try:
        found: Any = Block.load(name)
    except ValueError:
        known = "`prefect block ls` lists them"
        raise BadInput(f"nightly.alert: {name}", "the server has no such block", known) from None
    return found._block_document_id, hasattr(found, "notify")


def _remove(name: str) -> None:
    with get_client(sync_client=True) as client:
        for old in client.read_automations_by_name(name):
            client.delete_automation(old.id)
