"""Download a list of files in parallel, with a progress bar and a manifest at the end."""

import os
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from touchline.progress import ProgressReporter
from touchline.sources.fetch import disk, http, manifest, s3
from touchline.sources.fetch.mirror import (
    DEFAULT_RETRY_POLICY,
    FetchJob,
    RetryPolicy,
    fetch_from_mirrors,
)
from touchline.sources.fetch.part import (
    count_part_bytes,
    find_existing_parent,
    get_download_root,
    require_free_space,
)
from touchline.sources.fetch.request import (
    FetchedFile,
    FileDownload,
    FileRequest,
    OpenDownload,
    PartState,
    check_file_requests,
    resolve_file_url,
)

MIB = 2**20


def fetch_files(
    requests: Sequence[FileRequest],
    folder: Path,
    workers: int,
    endpoint: str = "",
    earlier_manifest: Path | None = None,
    retry_policy: RetryPolicy = DEFAULT_RETRY_POLICY,
) -> list[FetchedFile]:
    """Download the files into `folder`, at most `workers` at a time. Returns one row per request,
    in order.

    Downloaded bytes are kept until the run has succeeded (see `part`), so a second call after a
    kill or a failure resumes. `endpoint` is the address of an S3 server; "" means AWS_ENDPOINT_URL
    or AWS. `earlier_manifest` is the manifest of an earlier download: a file that differs from it
    is refused. Writes a manifest `fetched.json` into `folder`.

    Raises `InputError` for the first file that no mirror can deliver, and for a full disk.
    """
    check_file_requests(requests)
    _check_free_space(requests, folder)
    stop, received = threading.Event(), _ReceivedBytes(requests)
    earlier_files = manifest.read_fetch_manifest(earlier_manifest) if earlier_manifest else {}
    with _open_origins(requests, workers, endpoint, retry_policy.timeout) as open_download:
        fetch_job = FetchJob(
            folder=folder,
            open_download=open_download,
            retry_policy=retry_policy,
            earlier_files=earlier_files,
            on_progress=received.record_bytes,
            stop=stop,
        )
        with ThreadPoolExecutor(workers) as pool:
            jobs = [pool.submit(fetch_from_mirrors, request, fetch_job) for request in requests]
            try:
                _show_progress(jobs, received)
            finally:
                stop.set()
                pool.shutdown(wait=True, cancel_futures=True)
    fetched = [job.result() for job in jobs]
    manifest.update_fetch_manifest(folder / manifest.FETCH_MANIFEST_NAME, fetched)
    return fetched


class _ReceivedBytes:
    """Bytes received so far per file; written by the download threads, read by the progress bar."""

    def __init__(self, requests: Sequence[FileRequest]) -> None:
        self.bytes_by_path = {request.path: 0 for request in requests}
        sizes = [request.bytes for request in requests]
        self.total_bytes = sum(sizes) if all(sizes) else 0

    def record_bytes(self, path: str, count: int) -> None:
        self.bytes_by_path[path] = count


def _show_progress(jobs: list[Future[FetchedFile]], received: _ReceivedBytes) -> None:
    """Show progress until all jobs are done; raise the first failure at once."""
    unfinished = set(jobs)
    with ProgressReporter("fetch", received.total_bytes // MIB or None) as progress:
        while unfinished:
            done, unfinished = wait(unfinished, timeout=1.0, return_when=FIRST_EXCEPTION)
            faults = [fault for job in done if (fault := job.exception())]
            if faults:
                raise faults[0]
            finished = sum(job.done() for job in jobs)
            note = f"MiB, {finished} of {len(jobs)} files"
            progress.advance_to(sum(received.bytes_by_path.values()) // MIB, note)


@contextmanager
def _open_origins(
    requests: Sequence[FileRequest], workers: int, endpoint: str, timeout: float
) -> Iterator[OpenDownload]:
    """Context manager: yield a function that opens a download from any kind of URL (S3, disk,
    HTTP). The connections stay open until the block ends.
    """
    kinds = {urlsplit(url).scheme for request in requests for url in request.urls}
    s3_client = s3.open_s3_client(workers, timeout, endpoint) if "s3" in kinds else None
    with http.open_http_client(workers, timeout) as http_client:

        def open_download(
            url: str, state: PartState, token: str
        ) -> AbstractContextManager[FileDownload]:
            if url.startswith("s3:"):
                return s3.open_s3_download(s3_client, url, state)
            if url.startswith("file:"):
                return disk.open_disk_download(url, state)
            return http.open_http_download(
                http_client, url, state, token, os.environ.get(token, "")
            )

        yield open_download


def _check_free_space(requests: Sequence[FileRequest], folder: Path) -> None:
    """Raise `InputError` before the download if the missing bytes (of files with a known size) do
    not fit on the disk.
    """
    missing = [
        request.bytes - count_part_bytes(resolve_file_url(request.urls[0], request.path))
        for request in requests
        if request.bytes
    ]
    require_free_space(get_download_root(), sum(max(0, size) for size in missing))
    if (
        find_existing_parent(get_download_root()).stat().st_dev
        != find_existing_parent(folder).stat().st_dev
    ):
        require_free_space(folder, sum(request.bytes for request in requests))
