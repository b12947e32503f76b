"""Tell somebody: through a Prefect block, or to an address in the environment."""

import os
from collections.abc import Iterable
from typing import Any
from urllib.parse import urlsplit

from flows.night import Going
from touchline.faults import BadInput
from touchline.nights import record
from touchline.nights.record import Night

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
