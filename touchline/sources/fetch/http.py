"""Download over HTTP with conditional range requests; credentials are not sent to other hosts."""

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
    NOT_MODIFIED,
    TRANSIENT_STATUSES,
    FileDownload,
    MirrorError,
    PartState,
    TransientFetchError,
    build_status_error,
    build_unchanged_download,
    redact_url,
)

CONTENT_RANGE_PATTERN = re.compile(r"bytes (\d+)-\d+/(\d+|\*)")


def open_http_client(workers: int, timeout: float) -> httpx.Client:
    """An httpx client. Proxies and certificates come from the environment; .netrc is not read."""
    logging.getLogger("httpx").setLevel(logging.WARNING)  # it would log signed addresses
    limits = httpx.Limits(max_connections=workers)
    headers = {"User-Agent": "touchline", "Accept-Encoding": "identity"}
    return httpx.Client(headers=headers, timeout=timeout, limits=limits, follow_redirects=True)


@contextmanager
def open_http_download(
    http_client: httpx.Client, url: str, state: PartState, token: str, secret: str
) -> Iterator[FileDownload]:
    """Context manager: request the missing bytes of a URL. `secret` is the value of the environment
    variable `token`, or "".

    Redirects to another host are followed without the credential (httpx strips it). Raises
    `TransientFetchError` or `MirrorError`; their texts contain no query, user or credential.
    """
    place = redact_url(url)
    headers = _build_range_headers(state) | _build_auth_headers(url, token, secret)
    try:
        with http_client.stream("GET", _strip_user(url), headers=headers) as reply:
            yield _build_download(reply, place, state, token)
    except httpx.TimeoutException:
        raise TransientFetchError("does not answer in time") from None
    except httpx.ConnectError as error:
        raise TransientFetchError(f"cannot be reached ({error})") from None
    except (httpx.UnsupportedProtocol, httpx.TooManyRedirects, httpx.InvalidURL):
        raise MirrorError(
            place, "leads nowhere: its redirects cannot be followed", "ask its owner"
        ) from None
    except httpx.HTTPError as error:  # its text could hold an address or a header
        raise TransientFetchError(f"breaks off ({type(error).__name__})") from None


def _build_download(
    reply: httpx.Response, place: str, state: PartState, token: str
) -> FileDownload:
    if reply.status_code == NOT_MODIFIED and state.complete:
        return build_unchanged_download(state)
    if reply.status_code in TRANSIENT_STATUSES:
        raise TransientFetchError(f"answers {reply.status_code}", _read_retry_after(reply))
    if reply.status_code not in (200, 206):
        raise build_status_error(place, reply.status_code, reply.reason_phrase, token)
    if reply.headers.get("Content-Encoding", "identity") != "identity":
        raise MirrorError(place, "compresses what was asked for as it is", "ask its owner")
    if reply.headers.get("Content-Type", "").startswith("text/html") and ".htm" not in place:
        raise MirrorError(
            place, "is a web page, not the file", "check the address and the credential"
        )
    mark, (offset, total) = _read_content_mark(reply), _parse_extent(reply)
    if offset and mark and mark != state.mark:  # a server that does not know If-Range
        raise TransientFetchError("has changed meanwhile", restart=True)
    return FileDownload(offset, total, mark, reply.iter_raw(), _read_stated_digests(reply))


def _build_range_headers(state: PartState) -> dict[str, str]:
    """Headers that ask for the missing range only if the file is unchanged (If-Range), or for
    nothing if it is complete and unchanged.
    """
    if state.complete and state.mark:
        dated = not state.mark.startswith('"')
        return {"If-Modified-Since" if dated else "If-None-Match": state.mark}
    if state.bytes and not state.complete:
        return {"Range": f"bytes={state.bytes}-"} | ({"If-Range": state.mark} if state.mark else {})
    return {}


def _read_content_mark(reply: httpx.Response) -> str:
    """The strong ETag, else the Last-Modified date: a weak ETag does not guarantee
    identical bytes.
    """
    etag = reply.headers.get("ETag", "")
    return etag if etag.startswith('"') else reply.headers.get("Last-Modified", "")


def _parse_extent(reply: httpx.Response) -> tuple[int, int | None]:
    """(first byte sent, size of the whole file or None) of a 200 or 206 response."""
    if reply.status_code == 206:
        match = CONTENT_RANGE_PATTERN.fullmatch(reply.headers.get("Content-Range", ""))
        if not match:
            raise TransientFetchError("does not say which stretch it sends", restart=True)
        return int(match[1]), None if match[2] == "*" else int(match[2])
    length = reply.headers.get("Content-Length", "")
    return 0, int(length) if length.isdecimal() else None


def _read_stated_digests(reply: httpx.Response) -> dict[str, str]:
    """The sha256 that Hugging Face states in the `X-Linked-ETag` header of a redirect, if any."""
    etags = [
        response.headers.get("X-Linked-ETag", "").strip('"') for response in (*reply.history, reply)
    ]
    sha256 = next(filter(re.compile(r"[0-9a-f]{64}").fullmatch, etags), "")
    return {"sha256": sha256} if sha256 else {}


def _read_retry_after(reply: httpx.Response) -> float:
    try:
        return Retry().parse_retry_after(reply.headers.get("Retry-After", "0"))
    except InvalidHeader:
        return 0.0


def _build_auth_headers(url: str, token: str, secret: str) -> dict[str, str]:
    if not secret:
        return {}
    parts = urlsplit(url)
    if parts.scheme != "https" and not _is_loopback(parts.hostname or ""):
        raise MirrorError(
            redact_url(url), f"would get {token} unencrypted", "use its https address"
        )
    if not (secret.isascii() and secret.isprintable()):
        raise InputError(token, "holds what no credential holds (a line break?)", "set it again")
    if parts.username:
        pair = base64.b64encode(f"{parts.username}:{secret}".encode()).decode()
        return {"Authorization": f"Basic {pair}"}
    return {"Authorization": f"Bearer {secret}"}


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _strip_user(url: str) -> str:
    """The URL without its user name, because httpx would send it as a credential."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
