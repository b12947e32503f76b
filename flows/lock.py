"""One run at a time per checkout, or night; a killed one frees the lock with its last process."""

import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from touchline.faults import BadInput

PATIENCE = 5.0  # seconds that the supervisors of a killed run may need to end its processes


@contextmanager
def locked(root: Path, what: str = "run") -> Iterator[int]:
    """One of a kind per checkout: a second one is a `BadInput` naming the first."""
    file = _file(root, what)
    file.parent.mkdir(exist_ok=True)
    lock = os.open(file, os.O_RDWR | os.O_CREAT)
    try:
        _take(lock, file, what)
        yield lock
    finally:
        os.close(lock)


def owner(root: Path, what: str = "run") -> int | None:
    """The process that runs here now, or None."""
    file = _file(root, what)
    if not file.is_file():
        return None
    with file.open("r+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return json.loads(lock.read() or "{}").get("pid", 0)  # empty: it has just taken it
    return None


def same(root: Path, lock: int, what: str = "run") -> bool:
    """The lock file is still the one that this descriptor has open."""
    try:
        return os.path.samestat(os.fstat(lock), _file(root, what).stat())
    except OSError:
        return False


def _file(root: Path, what: str) -> Path:
    return root / ".touchline" / ("lock" if what == "run" else f"{what}.lock")


def _take(lock: int, file: Path, what: str) -> None:
    until = time.monotonic() + PATIENCE
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            break
        except BlockingIOError:
            pid = json.loads(file.read_text() or "{}").get("pid", 0)
            if Path(f"/proc/{pid}").exists() or time.monotonic() > until:
                wrong = f"a {what} is going on (process {pid})"
                name = "retrain" if what == "run" else what
                raise BadInput(name, wrong, "wait for its end or stop it") from None
        time.sleep(0.1)
    os.ftruncate(lock, 0)
    os.pwrite(lock, json.dumps({"pid": os.getpid()}).encode(), 0)
