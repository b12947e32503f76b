"""The dead man's switch: automations on a Prefect server that speak up when the nights do not.

The server watches by itself, whether workers are alive or not. A server that lives only as long as
one night cannot watch; without one that stays, `touchline nightly --check` in cron does.
"""

import json
import os
from datetime import timedelta
from typing import Any

from prefect.automations import Automation
from prefect.blocks.core import Block
from prefect.blocks.webhook import Webhook
from prefect.client.orchestration import get_client
from prefect.events.actions import CallWebhook, SendNotification
from prefect.events.schemas.automations import EventTrigger, Posture
from prefect.events.schemas.events import ResourceSpecification
from pydantic import SecretStr

from flows.alert import URL
from touchline.faults import BadInput

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
