"""What is here of a file on its way: kept outside every product, so that it outlives a kill.

A stage's draft is thrown away when the stage fails; what was fetched is not. Each URL has a folder
of its own, with the bytes and a note of what the origin said of them (the ETag above all). A whole
file goes into the product as a second name of the same bytes; no byte of it is written again.
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
from touchline.sources.fetch.request import Answer, Have, Passing
from touchline.state_dirs import get_checkpoint_root

ROOM = "free some space, or set TOUCHLINE_DOWNLOADS to a folder on a larger disk"


def root() -> Path:
    """`$TOUCHLINE_DOWNLOADS`, where all that is fetched stays for good; else among the checkpoints.

    There the flow lets go of it once a run has succeeded, and after two weeks without use.
    """
    given = os.environ.get("TOUCHLINE_DOWNLOADS")
    return Path(given) if given else get_checkpoint_root() / "download"


@contextmanager
def held(url: str) -> Iterator["Part"]:
    """The part of this URL, for one process and thread at a time; others wait for their turn."""
    folder = _folder(url)
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        os.utime(folder)
        yield Part(folder)


def here(url: str) -> int:
    """Bytes of this URL that are here."""
    file = _folder(url) / "bytes"
    return file.stat().st_size if file.exists() else 0


def _folder(url: str) -> Path:
    return root() / hashlib.sha256(url.encode()).hexdigest()[:32]


@dataclass
class Note:
    """What the origin said of the bytes that are here."""

    mark: str = ""
    total: int | None = None
    digests: dict[str, str] = field(default_factory=dict)  # as stated, and as measured once whole


class Part:
    """The bytes of one URL, whole or not."""

    def __init__(self, folder: Path) -> None:
        self.file, self._note = folder / "bytes", folder / "note.json"
        self.note = self._read()
        if not self._note.is_file():  # bytes of nobody knows what
            self.clear()

    @property
    def bytes(self) -> int:
        return self.file.stat().st_size if self.file.exists() else 0

    @property
    def have(self) -> Have:
        whole = self.file.exists() and self.bytes == self.note.total
        return Have(self.bytes, self.note.mark, whole)

    def clear(self) -> None:
        """Begin anew. The file goes before its note, and is never cut: a product may share it."""
        self.file.unlink(missing_ok=True)
        self._note.unlink(missing_ok=True)
        self.note = Note()

    def take(self, answer: Answer, tell: Callable[[int], None], stop: threading.Event) -> None:
        """Write the bytes as they come; `tell` hears how many are here.

        Raises `InputError` for a full disk (what is here stays) and `Passing` when bytes are
        missing at the end.
        """
        if self.have.whole and answer.at == self.bytes:
            return
        if answer.at not in (0, self.bytes) or (answer.at and answer.total != self.note.total):
            raise Passing("sends another stretch than asked for", again=True)
        if answer.at == 0:
            self.clear()
            self._write(Note(answer.mark, answer.total, answer.digests))
        room(self.file, (answer.total or 0) - self.bytes)
        try:
            self._append(answer, tell, stop)
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise build_disk_full_error(self.file) from error
            raise
        self._close(answer)

    def _append(self, answer: Answer, tell: Callable[[int], None], stop: threading.Event) -> None:
        size = self.bytes
        with self.file.open("ab", buffering=0) as file:  # a kill loses no buffer
            for chunk in answer.chunks:
                left = memoryview(chunk)
                while left:  # a disk that is nearly full takes a piece only
                    left = left[file.write(left) :]
                tell(size := size + len(chunk))
                if stop.is_set():
                    raise Stopped

    def _close(self, answer: Answer) -> None:
        if answer.total is None:
            self._write(replace(self.note, total=self.bytes))
        elif self.bytes < answer.total:
            raise Passing(f"breaks off at {self.bytes} of {answer.total} bytes")
        elif self.bytes > answer.total:
            raise Passing(f"sends more than its {answer.total} bytes", again=True)

    def digest(self, name: str) -> str:
        with self.file.open("rb") as file:
            return hashlib.file_digest(file, name).hexdigest()

    def measured(self, sha256: str) -> None:
        """Keep the digest: a file that something else changes here is noticed the next time."""
        digests = self.note.digests | {"sha256": sha256}
        if digests != self.note.digests:
            self._write(replace(self.note, digests=digests))

    def place(self, target: Path) -> None:
        """Give the whole file its name in the product; a copy where disks differ."""
        with atomic_file(target) as draft:
            try:
                os.link(self.file, draft)
            except OSError:
                shutil.copyfile(self.file, draft)

    def _read(self) -> Note:
        try:
            return Note(**json.loads(self._note.read_text()))
        except (OSError, ValueError, TypeError):
            return Note()

    def _write(self, note: Note) -> None:
        with atomic_file(self._note) as draft:
            draft.write_text(json.dumps(asdict(note)))
        self.note = note


class Stopped(Exception):
    """Another file failed, or somebody asked: no use in going on."""


def room(place: Path, needed: int) -> None:
    """A `InputError` when the disk of `place` cannot take so many bytes more."""
    free = shutil.disk_usage(standing(place)).free
    if needed > free:
        wrong = f"needs {needed / 2**20:.0f} MiB, and {free / 2**20:.0f} MiB are free"
        raise InputError(place, wrong, ROOM)


def standing(place: Path) -> Path:
    """The nearest folder above that exists: it tells the disk."""
    return next(folder for folder in place.absolute().parents if folder.exists())


def settled(data: Path) -> list[Path]:
    """Let go of whole files that products below `data` hold, by their lists of what was fetched.

    A kill between the end of a fetch and the end of its run leaves them to a run that fetches
    nothing. What another setting has begun to fetch stays, as does all in TOUCHLINE_DOWNLOADS.
    """
    if os.environ.get("TOUCHLINE_DOWNLOADS") or not root().is_dir():
        return []
    rows = [row for file in data.rglob(manifest.NAME) for row in manifest.read(file).values()]
    held, gone = {row.sha256 for row in rows}, []
    for folder in sorted(root().iterdir()):
        if Part(folder).note.digests.get("sha256") in held:
            shutil.rmtree(folder)
            gone.append(folder)
    return gone
