"""Fetch over HTTP: ranges that hold only for the same content, no credential to other hosts."""

import base64
import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import ip_address
from urllib.parse import urlsplit, urlunsplit

import httpx
from urllib3.exceptions import InvalidHeader
from urllib3.util import Retry

from touchline.errors import InputError
from touchline.sources.fetch.request import (
    PASSING,
    UNCHANGED,
    Answer,
    Have,
    Passing,
    Unfit,
    refused,
    shown,
)
from touchline.sources.fetch.request import unchanged as still

RANGE = re.compile(r"bytes (\d+)-\d+/(\d+|\*)")


def client(workers: int, timeout: float) -> httpx.Client:
    """Proxies and certificates as the environment says; .netrc is not read."""
    logging.getLogger("httpx").setLevel(logging.WARNING)  # it would log signed addresses
    limits = httpx.Limits(max_connections=workers)
    headers = {"User-Agent": "touchline", "Accept-Encoding": "identity"}
    return httpx.Client(headers=headers, timeout=timeout, limits=limits, follow_redirects=True)


@contextmanager
def answer(line: httpx.Client, url: str, have: Have, token: str, secret: str) -> Iterator[Answer]:
    """Ask for what is missing; `secret` is the value of the variable `token`, or "".

    Redirects to another host are followed without the credential (httpx strips it). Raises
    `Passing` or `Unfit`; neither names a query, a user or a credential.
    """
    place = shown(url)
    headers = _condition(have) | _credential(url, token, secret)
    try:
        with line.stream("GET", _bare(url), headers=headers) as reply:
            yield _answer(reply, place, have, token)
    except httpx.TimeoutException:
        raise Passing("does not answer in time") from None
    except httpx.ConnectError as error:
        raise Passing(f"cannot be reached ({error})") from None
    except (httpx.UnsupportedProtocol, httpx.TooManyRedirects, httpx.InvalidURL):
        raise Unfit(
            place, "leads nowhere: its redirects cannot be followed", "ask its owner"
        ) from None
    except httpx.HTTPError as error:  # its text could hold an address or a header
        raise Passing(f"breaks off ({type(error).__name__})") from None


def _answer(reply: httpx.Response, place: str, have: Have, token: str) -> Answer:
    if reply.status_code == UNCHANGED and have.whole:
        return still(have)
    if reply.status_code in PASSING:
        raise Passing(f"answers {reply.status_code}", _wait(reply))
    if reply.status_code not in (200, 206):
        raise refused(place, reply.status_code, reply.reason_phrase, token)
    if reply.headers.get("Content-Encoding", "identity") != "identity":
        raise Unfit(place, "compresses what was asked for as it is", "ask its owner")
    if reply.headers.get("Content-Type", "").startswith("text/html") and ".htm" not in place:
        raise Unfit(place, "is a web page, not the file", "check the address and the credential")
    mark, (at, total) = _mark(reply), _extent(reply)
    if at and mark and mark != have.mark:  # a server that does not know If-Range
        raise Passing("has changed meanwhile", again=True)
    return Answer(at, total, mark, reply.iter_raw(), _digests(reply))


def _condition(have: Have) -> dict[str, str]:
    """Only the rest, and only if it is still the same file; or nothing at all if all is here."""
    if have.whole and have.mark:
        dated = not have.mark.startswith('"')
        return {"If-Modified-Since" if dated else "If-None-Match": have.mark}
    if have.bytes and not have.whole:
        return {"Range": f"bytes={have.bytes}-"} | ({"If-Range": have.mark} if have.mark else {})
    return {}


def _mark(reply: httpx.Response) -> str:
    """A strong ETag, else the date: a weak ETag does not vouch for every byte."""
    etag = reply.headers.get("ETag", "")
    return etag if etag.startswith('"') else reply.headers.get("Last-Modified", "")


def _extent(reply: httpx.Response) -> tuple[int, int | None]:
    if reply.status_code == 206:
        found = RANGE.fullmatch(reply.headers.get("Content-Range", ""))
        if not found:
            raise Passing("does not say which stretch it sends", again=True)
        return int(found[1]), None if found[2] == "*" else int(found[2])
    length = reply.headers.get("Content-Length", "")
    return 0, int(length) if length.isdecimal() else None


def _digests(reply: httpx.Response) -> dict[str, str]:
    """Hugging Face states the sha256 of a large file where it redirects to the store."""
    stated = [one.headers.get("X-Linked-ETag", "").strip('"') for one in (*reply.history, reply)]
    sha256 = next(filter(re.compile(r"[0-9a-f]{64}").fullmatch, stated), "")
    return {"sha256": sha256} if sha256 else {}


def _wait(reply: httpx.Response) -> float:
    try:
        return Retry().parse_retry_after(reply.headers.get("Retry-After", "0"))
    except InvalidHeader:
        return 0.0


def _credential(url: str, token: str, secret: str) -> dict[str, str]:
    if not secret:
        return {}
    parts = urlsplit(url)
    if parts.scheme != "https" and not _here(parts.hostname or ""):
        raise Unfit(shown(url), f"would get {token} unencrypted", "use its https address")
    if not (secret.isascii() and secret.isprintable()):
        raise InputError(token, "holds what no credential holds (a line break?)", "set it again")
    if parts.username:
        pair = base64.b64encode(f"{parts.username}:{secret}".encode()).decode()
        return {"Authorization": f"Basic {pair}"}
    return {"Authorization": f"Bearer {secret}"}


def _here(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _bare(url: str) -> str:
    """Without the user: httpx would make a credential of it."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
