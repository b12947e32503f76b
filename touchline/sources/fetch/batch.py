"""Fetch a list of files: several at a time, with progress, and a manifest at the end."""

import os
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from touchline.progress import ProgressReporter
from touchline.sources.fetch import disk, http, manifest, s3
from touchline.sources.fetch.mirror import PATIENCE, Errand, Patience, bring
from touchline.sources.fetch.part import here, room, root, standing
from touchline.sources.fetch.request import Answer, Ask, Fetched, Have, Wanted, address, check

MIB = 2**20


def fetch(
    wanted: Sequence[Wanted],
    folder: Path,
    workers: int,
    endpoint: str = "",
    known: Path | None = None,
    patience: Patience = PATIENCE,
) -> list[Fetched]:
    """Put the files into `folder`, at most `workers` at a time; rows in the order wanted.

    What is fetched is kept until the run has succeeded (see `part`), so a second call after a kill
    or a failure goes on where the first one was. `endpoint` is the address of an S3 server, "" for
    AWS_ENDPOINT_URL or AWS. `known` is the manifest of an earlier fetch: a file that differs from
    it is refused. A manifest, `fetched.json`, is written beside the files.

    Raises `InputError` for the first file that no mirror can give, and for a full disk.
    """
    check(wanted)
    _room(wanted, folder)
    stop, come = threading.Event(), _Here(wanted)
    earlier = manifest.read(known) if known else {}
    with _lines(wanted, workers, endpoint, patience.timeout) as ask:
        errand = Errand(folder, ask, patience, earlier, come.tell, stop)
        with ThreadPoolExecutor(workers) as pool:
            jobs = [pool.submit(bring, one, errand) for one in wanted]
            try:
                _watch(jobs, come)
            finally:
                stop.set()
                pool.shutdown(wait=True, cancel_futures=True)
    fetched = [job.result() for job in jobs]
    manifest.write(folder / manifest.NAME, fetched)
    return fetched


class _Here:
    """How many bytes of each file are here; threads write, one reads."""

    def __init__(self, wanted: Sequence[Wanted]) -> None:
        self.bytes = {one.path: 0 for one in wanted}
        sizes = [one.bytes for one in wanted]
        self.total = sum(sizes) if all(sizes) else 0

    def tell(self, path: str, count: int) -> None:
        self.bytes[path] = count


def _watch(jobs: list[Future[Fetched]], come: _Here) -> None:
    """Show MiB and files until all is here; raise the first failure at once."""
    left = set(jobs)
    with ProgressReporter("fetch", come.total // MIB or None) as progress:
        while left:
            done, left = wait(left, timeout=1.0, return_when=FIRST_EXCEPTION)
            faults = [fault for job in done if (fault := job.exception())]
            if faults:
                raise faults[0]
            finished = sum(job.done() for job in jobs)
            note = f"MiB, {finished} of {len(jobs)} files"
            progress.advance_to(sum(come.bytes.values()) // MIB, note)


@contextmanager
def _lines(wanted: Sequence[Wanted], workers: int, endpoint: str, timeout: float) -> Iterator[Ask]:
    """How to ask each kind of origin; lines stay open until the block ends."""
    kinds = {urlsplit(url).scheme for one in wanted for url in one.urls}
    store = s3.client(workers, timeout, endpoint) if "s3" in kinds else None
    with http.client(workers, timeout) as web:

        def ask(url: str, have: Have, token: str) -> AbstractContextManager[Answer]:
            if url.startswith("s3:"):
                return s3.answer(store, url, have)
            if url.startswith("file:"):
                return disk.answer(url, have)
            return http.answer(web, url, have, token, os.environ.get(token, ""))

        yield ask


def _room(wanted: Sequence[Wanted], folder: Path) -> None:
    """Before the first byte: the disk must take all that is missing, as far as sizes are known."""
    missing = [one.bytes - here(address(one.urls[0], one.path)) for one in wanted if one.bytes]
    room(root(), sum(max(0, size) for size in missing))
    if standing(root()).stat().st_dev != standing(folder).stat().st_dev:
        room(folder, sum(one.bytes for one in wanted))
