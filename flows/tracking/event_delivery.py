"""Send a chain of events to an OpenLineage endpoint, in order; what cannot be sent now is kept.

Nothing that goes wrong with the network is an error here: it comes back as a sentence.
"""

import fcntl
import hashlib
import json
import time
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx

from touchline.atomic import whole_file

ENDPOINT = "api/v1/lineage"  # of Marquez and of OpenLineage's own client
TIMEOUT = 5.0  # seconds for one event
PATIENCE = 20.0  # seconds for all that wait; the rest goes with the next run
PASSING = (401, 403, 404, 408, 429)  # a wrong key or a gateway: mended outside, then sent


@dataclass(frozen=True)
class Address:
    """Where events go; the key never stands in a file or a sentence."""

    url: str
    key: str = ""
    endpoint: str = ENDPOINT

    @property
    def whole(self) -> str:
        return f"{self.url.rstrip('/')}/{self.endpoint.lstrip('/')}"

    @property
    def host(self) -> str:
        try:
            return urlsplit(self.url).hostname or "no host"
        except ValueError:
            return "no host"

    @property
    def name(self) -> str:
        """For the file that says how far one got: an address may hold a password."""
        return hashlib.sha256(self.whole.encode()).hexdigest()[:16]


def send(file: Path, to: Address) -> str:
    """Send what this address has not got; "" or a sentence on what waits and why."""
    book = file.with_name("sent.json")
    with file.with_name("sent.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return ""  # another one sends
        known: dict[str, Any] = json.loads(book.read_text()) if book.is_file() else {}
        far = {"lines": 0, "refused": [], **known.get(to.name, {})}
        if "bytes" in far:  # a note of before words could be taken out of a line
            far["lines"] = file.read_bytes()[: far.pop("bytes")].count(b"\n")
        far["lines"] = far["lines"] if far["lines"] <= _lines(file) else 0  # it is another file
        why = _deliver(file, to, far)
        with whole_file(book) as draft:
            draft.write_text(json.dumps({**known, to.name: far}, indent=1) + "\n")
    waiting = _lines(file) - far["lines"]
    return f"{waiting} lineage events wait for {to.host}: {why}" if waiting else ""


def _lines(file: Path) -> int:
    return file.read_bytes().count(b"\n")


def _deliver(file: Path, to: Address, far: dict[str, Any]) -> str:
    """Move `far` on with each event that is taken, or refused for good; why it went no further."""
    until = time.monotonic() + PATIENCE
    headers = {"content-type": "application/json"}
    headers |= {"authorization": f"Bearer {to.key}"} if to.key else {}
    with httpx.Client(timeout=TIMEOUT, headers=headers) as client, file.open("rb") as stream:
        for line in islice(stream, far["lines"], None):  # bytes move when words are taken out
            if not line.endswith(b"\n") or time.monotonic() > until:
                return "there was no time for more"
            try:
                status = client.post(to.whole, content=line[:-1]).status_code
            except httpx.InvalidURL:
                return "OPENLINEAGE_URL is no address"  # httpx quotes it: it may hold a password
            except httpx.HTTPError as error:
                return str(error) or type(error).__name__
            if status >= 500 or status in PASSING:
                return f"it answers {status}"
            if status >= 400:
                far["refused"].append([hashlib.sha256(line[:-1]).hexdigest(), status])
            far["lines"] += 1
    return ""
