"""Send a chain of events to an OpenLineage endpoint, in order; unsent events stay for the next
call.

Network errors are not raised but returned as a sentence.
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

from touchline.atomic import atomic_file

ENDPOINT = "api/v1/lineage"  # of Marquez and of OpenLineage's own client
TIMEOUT = 5.0  # seconds for one event
SEND_PATIENCE = 20.0  # seconds for all that wait; the rest goes with the next run
RETRY_STATUSES = (401, 403, 404, 408, 429)  # a wrong key or a gateway: mended outside, then sent


@dataclass(frozen=True)
class LineageEndpoint:
    """URL and key of an OpenLineage endpoint; the key is never written to a file or message."""

    url: str
    key: str = ""
    endpoint: str = ENDPOINT

    @property
    def full_url(self) -> str:
        return f"{self.url.rstrip('/')}/{self.endpoint.lstrip('/')}"

    @property
    def host(self) -> str:
        try:
            return urlsplit(self.url).hostname or "no host"
        except ValueError:
            return "no host"

    @property
    def url_digest(self) -> str:
        """Digest of the URL, used in sent.json because a URL may contain a password."""
        return hashlib.sha256(self.full_url.encode()).hexdigest()[:16]


def send_waiting_events(file: Path, endpoint: LineageEndpoint) -> str:
    """Send the events that this endpoint has not received. Returns an empty text, or a sentence on
    how many are unsent and why.
    """
    sent_file = file.with_name("sent.json")
    with file.with_name("sent.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return ""  # another one sends
        progress_by_endpoint: dict[str, Any] = (
            json.loads(sent_file.read_text()) if sent_file.is_file() else {}
        )
        progress = {"lines": 0, "refused": [], **progress_by_endpoint.get(endpoint.url_digest, {})}
        if "bytes" in progress:  # a note of before words could be taken out of a line
            progress["lines"] = file.read_bytes()[: progress.pop("bytes")].count(b"\n")
        progress["lines"] = (
            progress["lines"] if progress["lines"] <= _count_file_lines(file) else 0
        )  # it is another file
        reason = _post_lines(file, endpoint, progress)
        with atomic_file(sent_file) as draft:
            draft.write_text(
                json.dumps({**progress_by_endpoint, endpoint.url_digest: progress}, indent=1) + "\n"
            )
    waiting = _count_file_lines(file) - progress["lines"]
    return f"{waiting} lineage events wait for {endpoint.host}: {reason}" if waiting else ""


def _count_file_lines(file: Path) -> int:
    return file.read_bytes().count(b"\n")


def _post_lines(file: Path, endpoint: LineageEndpoint, progress: dict[str, Any]) -> str:
    """Post the next events, counting in `progress` each one accepted or permanently refused.
    Returns why it stopped, or an empty text.
    """
    until = time.monotonic() + SEND_PATIENCE
    headers = {"content-type": "application/json"}
    headers |= {"authorization": f"Bearer {endpoint.key}"} if endpoint.key else {}
    with httpx.Client(timeout=TIMEOUT, headers=headers) as client, file.open("rb") as stream:
        for line in islice(stream, progress["lines"], None):  # bytes move when words are taken out
            if not line.endswith(b"\n") or time.monotonic() > until:
                return "there was no time for more"
            try:
                status = client.post(endpoint.full_url, content=line[:-1]).status_code
            except httpx.InvalidURL:
                return (
                    "OPENLINEAGE_URL is not an address"  # httpx quotes it: it may hold a password
                )
            except httpx.HTTPError as error:
                return str(error) or type(error).__name__
            if status >= 500 or status in RETRY_STATUSES:
                return f"it answers {status}"
            if status >= 400:
                progress["refused"].append([hashlib.sha256(line[:-1]).hexdigest(), status])
            progress["lines"] += 1
    return ""
