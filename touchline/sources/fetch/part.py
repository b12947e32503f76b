"""Partially downloaded files, kept outside the stage's products so that a killed download can
resume, and deleted once a product holds the file.
"""

import errno
import fcntl
import hashlib
import json
import os
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from touchline.atomic import atomic_file, build_disk_full_error
from touchline.errors import InputError
from touchline.sources.fetch import manifest
from touchline.sources.fetch.request import FileDownload, PartState, TransientFetchError
from touchline.state_dirs import get_checkpoint_root

SPACE_REMEDY = "free some space, or set TOUCHLINE_DOWNLOADS to a folder on a larger disk"


def get_download_root() -> Path:
    """The folder of all downloads: `$TOUCHLINE_DOWNLOADS`, where files stay for good, else
    `download` below the checkpoints.

    Below the checkpoints, the flow deletes them after a successful run, and after two weeks without
    use.
    """
    folder = os.environ.get("TOUCHLINE_DOWNLOADS")
    return Path(folder) if folder else get_checkpoint_root() / "download"


@contextmanager
def lock_download_part(url: str) -> Iterator["DownloadPart"]:
    """Context manager: the part of this URL, locked against other processes and threads; waits for
    the lock.
    """
    folder = _part_folder(url)
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        os.utime(folder)
        yield DownloadPart(folder)


def count_part_bytes(url: str) -> int:
    """The number of bytes of this URL that are downloaded already."""
    file = _part_folder(url) / "bytes"
    return file.stat().st_size if file.exists() else 0


def _part_folder(url: str) -> Path:
    return get_download_root() / hashlib.sha256(url.encode()).hexdigest()[:32]


@dataclass
class DownloadNote:
    """What the origin said about the downloaded bytes; stored as `note.json`."""

    mark: str = ""
    total: int | None = None
    digests: dict[str, str] = field(default_factory=dict)  # as stated, and as measured once whole


class DownloadPart:
    """The downloaded bytes of one URL, complete or not."""

    def __init__(self, folder: Path) -> None:
        self.file, self._note_file = folder / "bytes", folder / "note.json"
        self.note = self._read_note()
        if not self._note_file.is_file():  # bytes of nobody knows what
            self.clear()

    @property
    def bytes(self) -> int:
        return self.file.stat().st_size if self.file.exists() else 0

    @property
    def state(self) -> PartState:
        whole = self.file.exists() and self.bytes == self.note.total
        return PartState(self.bytes, self.note.mark, whole)

    def clear(self) -> None:
        """Delete the bytes, then the note. The file is never truncated, because a product may be a
        hard link to it.
        """
        self.file.unlink(missing_ok=True)
        self._note_file.unlink(missing_ok=True)
        self.note = DownloadNote()

    def write_download(
        self, download: FileDownload, on_progress: Callable[[int], None], stop: threading.Event
    ) -> None:
        """Write the bytes as they arrive; `on_progress` is called with the number of bytes present.

        Raises `InputError` for a full disk (what is there stays) and `TransientFetchError` if bytes
        are missing at the end.
        """
        if self.state.complete and download.offset == self.bytes:
            return
        if download.offset not in (0, self.bytes) or (
            download.offset and download.total != self.note.total
        ):
            raise TransientFetchError("sends another stretch than asked for", restart=True)
        if download.offset == 0:
            self.clear()
            self._write_note(DownloadNote(download.mark, download.total, download.digests))
        require_free_space(self.file, (download.total or 0) - self.bytes)
        try:
            self._append(download, on_progress, stop)
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise build_disk_full_error(self.file) from error
            raise
        self._check_length(download)

    def _append(
        self, download: FileDownload, on_progress: Callable[[int], None], stop: threading.Event
    ) -> None:
        size = self.bytes
        with self.file.open("ab", buffering=0) as file:  # a kill loses no buffer
            for chunk in download.chunks:
                unwritten = memoryview(chunk)
                while unwritten:  # a disk that is nearly full takes a piece only
                    unwritten = unwritten[file.write(unwritten) :]
                on_progress(size := size + len(chunk))
                if stop.is_set():
                    raise FetchStopped

    def _check_length(self, download: FileDownload) -> None:
        if download.total is None:
            self._write_note(replace(self.note, total=self.bytes))
        elif self.bytes < download.total:
            raise TransientFetchError(f"breaks off at {self.bytes} of {download.total} bytes")
        elif self.bytes > download.total:
            raise TransientFetchError(f"sends more than its {download.total} bytes", restart=True)

    def compute_digest(self, name: str) -> str:
        with self.file.open("rb") as file:
            return hashlib.file_digest(file, name).hexdigest()

    def record_sha256(self, sha256: str) -> None:
        """Store the sha256 in the note, so that a later change of the file is noticed."""
        digests = self.note.digests | {"sha256": sha256}
        if digests != self.note.digests:
            self._write_note(replace(self.note, digests=digests))

    def link_into_product(self, target: Path) -> None:
        """Hard-link the complete file to `target`; copy it if that is on another disk."""
        with atomic_file(target) as draft:
            try:
                os.link(self.file, draft)
            except OSError:
                shutil.copyfile(self.file, draft)

    def _read_note(self) -> DownloadNote:
        try:
            return DownloadNote(**json.loads(self._note_file.read_text()))
        except (OSError, ValueError, TypeError):
            return DownloadNote()

    def _write_note(self, note: DownloadNote) -> None:
        with atomic_file(self._note_file) as draft:
            draft.write_text(json.dumps(asdict(note)))
        self.note = note


class FetchStopped(Exception):
    """The download was cancelled, or another file failed."""


def require_free_space(place: Path, needed: int) -> None:
    """Raise `InputError` if the disk of `place` has fewer than `needed` free bytes."""
    free = shutil.disk_usage(find_existing_parent(place)).free
    if needed > free:
        wrong = f"needs {needed / 2**20:.0f} MiB, and {free / 2**20:.0f} MiB are free"
        raise InputError(place, wrong, SPACE_REMEDY)


def find_existing_parent(place: Path) -> Path:
    """The nearest existing folder above `place`; used to find its disk."""
    return next(folder for folder in place.absolute().parents if folder.exists())


def drop_finished_downloads(data: Path) -> list[Path]:
    """Delete downloads whose sha256 is in a manifest of the products below `data`. Returns the
    deleted folders.

    They are left over when a run is killed between the end of a download and its own end. Downloads
    of other files stay, as does everything in TOUCHLINE_DOWNLOADS.
    """
    if os.environ.get("TOUCHLINE_DOWNLOADS") or not get_download_root().is_dir():
        return []
    rows = [
        row
        for file in data.rglob(manifest.FETCH_MANIFEST_NAME)
        for row in manifest.read_fetch_manifest(file).values()
    ]
    product_digests, removed = {row.sha256 for row in rows}, []
    for folder in sorted(get_download_root().iterdir()):
        if DownloadPart(folder).note.digests.get("sha256") in product_digests:
            shutil.rmtree(folder)
            removed.append(folder)
    return removed
