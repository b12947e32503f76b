"""Download one file from the first of its mirrors that can deliver it, with retries."""

import random
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from touchline.errors import InputError
from touchline.sources.fetch.manifest import compute_video_signature, describe_file_change
from touchline.sources.fetch.part import DownloadPart, FetchStopped, lock_download_part
from touchline.sources.fetch.request import (
    FetchedFile,
    FileRequest,
    MirrorError,
    OpenDownload,
    TransientFetchError,
    redact_url,
    resolve_file_url,
)

MIN_GAINED_BYTES = 2**20  # bytes: a line that brought as many before it broke is taken up at once
RESUME_REMEDY = "run again: what is here is kept, and the rest is fetched"
OWNER_REMEDY = "ask its owner which is right, or name another mirror"


@dataclass(frozen=True)
class RetryPolicy:
    """How long to retry one mirror: failed tries in a row without new bytes, and waits
    in seconds.
    """

    tries: int
    first: float  # wait after the first failure; doubles from try to try
    longest: float  # wait at most; an origin that asks for more is given up
    timeout: float  # without a byte


DEFAULT_RETRY_POLICY = RetryPolicy(tries=6, first=0.5, longest=120.0, timeout=60.0)


@dataclass(frozen=True)
class FetchJob:
    """What all files of one `fetch_files` call share."""

    folder: Path
    open_download: OpenDownload
    retry_policy: RetryPolicy
    earlier_files: dict[str, FetchedFile]  # from an earlier fetch, by path
    on_progress: Callable[[str, int], None]  # hears the path and how many of its bytes are here
    stop: threading.Event


def fetch_from_mirrors(request: FileRequest, job: FetchJob) -> FetchedFile:
    """Download one file into the job's folder and verify it. Raises `InputError` with the reason of
    every mirror if none could deliver it.
    """
    faults: list[InputError] = []
    target = job.folder / request.path
    for mirror in request.urls:
        url = resolve_file_url(mirror, request.path)
        try:
            with lock_download_part(url) as part:
                sha256 = _fetch_verified(part, url, request, job)
                part.link_into_product(target)
        except MirrorError as fault:
            faults.append(fault)
            continue
        if faults:
            sys.stderr.write(f"{request.path} comes from {redact_url(url)}: {faults[-1]}\n")
        return FetchedFile(
            request.path, target.stat().st_size, sha256, **compute_video_signature(target)
        )
    others = "".join(f"; and {fault.place} {fault.wrong}" for fault in faults[1:])
    raise InputError(faults[0].place, faults[0].wrong + others, faults[0].remedy)


def _fetch_verified(part: DownloadPart, url: str, request: FileRequest, job: FetchJob) -> str:
    """Download until the digests match; returns the sha256.

    A resumed file whose digest is wrong is downloaded once more from the start.
    """
    in_pieces = part.bytes > 0
    _fetch_with_retries(part, url, request, job)
    sha256 = part.compute_digest("sha256")
    wrong = _find_digest_fault(part, sha256, request, job)
    if wrong and in_pieces:
        part.clear()
        _fetch_with_retries(part, url, request, job)
        sha256 = part.compute_digest("sha256")
        wrong = _find_digest_fault(part, sha256, request, job)
    if wrong:
        part.clear()
        raise MirrorError(redact_url(url), wrong, OWNER_REMEDY)
    part.record_sha256(sha256)
    return sha256


def _find_digest_fault(part: DownloadPart, sha256: str, request: FileRequest, job: FetchJob) -> str:
    """The mismatch between the file and its stated digests or the earlier manifest; "" if there is
    none.
    """
    stated = request.sha256 or part.note.digests.get("sha256", sha256)
    if sha256 != stated:
        return f"has the sha256 {sha256[:12]}..., not {stated[:12]}... as stated"
    md5 = part.note.digests.get("md5")
    if md5 and md5 != part.compute_digest("md5"):
        return f"does not have the MD5 {md5} that its ETag states"
    return describe_file_change(job.earlier_files.get(request.path), part.file, sha256)


def _fetch_with_retries(part: DownloadPart, url: str, request: FileRequest, job: FetchJob) -> None:
    """Request the file, resuming after each transient failure, until the retry policy
    is exhausted.
    """
    tries, most_bytes = 0, part.bytes
    while not (part.state.complete and request.sha256):
        if not (part.note.mark or request.sha256):
            part.clear()  # nothing would tell whether the rest is of the same file
        job.on_progress(request.path, part.bytes)
        try:
            _fetch_rest(part, url, request, job)
            return
        except TransientFetchError as why:
            if why.restart:
                part.clear()
            gained, most_bytes = part.bytes - most_bytes, max(most_bytes, part.bytes)
            tries = 0 if gained > 0 else tries + 1
            if gained < MIN_GAINED_BYTES:
                _back_off(why, tries, redact_url(url), job)
    job.on_progress(request.path, part.bytes)


def _fetch_rest(part: DownloadPart, url: str, request: FileRequest, job: FetchJob) -> None:
    with job.open_download(url, part.state, _select_token(request, url)) as download:
        if request.bytes and download.total not in (None, request.bytes):
            wrong = f"has {download.total} bytes, not {request.bytes} as stated"
            raise MirrorError(redact_url(url), wrong, OWNER_REMEDY)
        part.write_download(download, partial(job.on_progress, request.path), job.stop)


def _back_off(why: TransientFetchError, tries: int, place: str, job: FetchJob) -> None:
    """Wait with exponential back-off and jitter, or as long as the server's Retry-After asks.
    Raises `MirrorError` when the policy is exhausted and `FetchStopped` when the job is stopped.
    """
    policy = job.retry_policy
    if tries >= policy.tries:
        raise MirrorError(place, f"{why}, {tries} times in a row", RESUME_REMEDY) from None
    if why.wait > policy.longest:
        raise MirrorError(
            place, f"{why} and asks to wait {why.wait:.0f} s", RESUME_REMEDY
        ) from None
    pause = min(policy.longest, policy.first * 2 ** max(0, tries - 1))
    pause *= random.uniform(0.5, 1)
    if job.stop.wait(max(pause, why.wait)):
        raise FetchStopped


def _select_token(request: FileRequest, url: str) -> str:
    """The credential's variable name if `url` is on the host of the first http(s)
    mirror, else "".
    """
    http_mirrors = [mirror for mirror in request.urls if mirror.startswith("http")]
    same_host = bool(http_mirrors) and urlsplit(http_mirrors[0]).netloc == urlsplit(url).netloc
    return request.token if same_host else ""
