"""Locks: one run at a time per checkout, one stage at a time on the GPU, and no late run over a
newer one.

A run lock is a kernel lock: a killed run frees it with its last process. The GPU slot is one for
the whole machine, or a Prefect concurrency limit. A lock file may be lost (deleted, or a network
disk), so every run also notes its id as the newest, and products are only published by the newest.
"""

import fcntl
import json
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from touchline.atomic import atomic_file
from touchline.errors import InputError

LOCK_PATIENCE = 5.0  # seconds that the supervisors of a killed run may need to end its processes


@contextmanager
def hold_lock(root: Path, kind: str = "run") -> Iterator[int]:
    """Context manager: hold the lock of this kind and yield its file descriptor. Raises an input
    error naming the process that holds it.
    """
    file = _lock_file(root, kind)
    file.parent.mkdir(exist_ok=True)
    lock = os.open(file, os.O_RDWR | os.O_CREAT)
    try:
        _acquire_lock(lock, file, kind)
        yield lock
    finally:
        os.close(lock)


def read_lock_owner(root: Path, kind: str = "run") -> int | None:
    """Process id of the lock's holder, 0 if it is not written yet, or None if the lock is free."""
    file = _lock_file(root, kind)
    if not file.is_file():
        return None
    with file.open("r+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return json.loads(lock.read() or "{}").get("pid", 0)  # empty: it has just taken it
    return None


def is_lock_intact(root: Path, lock: int, kind: str = "run") -> bool:
    """Whether the lock file on disk is still the file that this descriptor has open."""
    try:
        return os.path.samestat(os.fstat(lock), _lock_file(root, kind).stat())
    except OSError:
        return False


def _lock_file(root: Path, kind: str) -> Path:
    return root / ".touchline" / ("lock" if kind == "run" else f"{kind}.lock")


def _acquire_lock(lock: int, file: Path, kind: str) -> None:
    until = time.monotonic() + LOCK_PATIENCE
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            break
        except BlockingIOError:
            pid = json.loads(file.read_text() or "{}").get("pid", 0)
            if Path(f"/proc/{pid}").exists() or time.monotonic() > until:
                wrong = f"a {kind} is going on (process {pid})"
                name = "retrain" if kind == "run" else kind
                raise InputError(name, wrong, "wait for its end or stop it") from None
        time.sleep(0.1)
    os.ftruncate(lock, 0)
    os.pwrite(lock, json.dumps({"pid": os.getpid()}).encode(), 0)


def mark_run_started(root: Path, id: str) -> None:
    """Record this run's id as the last one started. Call while holding the lock."""
    with atomic_file(_newest_run_file(root)) as draft:
        draft.write_text(f"{id}\n")


def read_last_started_run(root: Path) -> str:
    """Id of the run that started last in this checkout; empty if there is none."""
    file = _newest_run_file(root)
    return file.read_text().strip() if file.is_file() else ""


def check_run_is_newest(root: Path, id: str, lock_fd: int) -> None:
    """Raise an input error if another run has started since, or if this run's lock file was removed
    or replaced.
    """
    remedy = "`touchline retrain` shows what is newest; this run's products stay in the cache"
    if (newer := read_last_started_run(root)) != id:
        raise InputError(f"run {id}", f"is late: run {newer or '?'} has begun since", remedy)
    if not is_lock_intact(root, lock_fd):
        wrong = "is late: the lock file was removed or replaced while it ran"
        raise InputError(f"run {id}", wrong, remedy)


def _newest_run_file(root: Path) -> Path:
    return root / ".touchline" / "attempt"


SLOT_VARIABLE = "TOUCHLINE_SLOT"  # a file's absolute path, or `prefect:NAME`
LEASE_SECONDS = 60.0  # seconds, the least that Prefect takes
LOOK, REMIND = 0.2, 60.0  # seconds between two looks; between two lines that say who has it

PrintLine = Callable[[str], None]


def resolve_gpu_slot(gpus: bool) -> str:
    """Where the slot is: a file path, `prefect:NAME`, or empty on a machine without a GPU. The
    variable TOUCHLINE_SLOT takes precedence. Raises an input error for a relative path.
    """
    value = os.environ.get(SLOT_VARIABLE, "")
    if value and not value.startswith("prefect:") and not Path(value).is_absolute():
        remedy = "give an absolute path, or `prefect:NAME` of a concurrency limit"
        raise InputError(f"{SLOT_VARIABLE}={value}", "is not a slot", remedy)
    return value or (str(Path(tempfile.gettempdir()) / "touchline-gpu.lock") if gpus else "")


@contextmanager
def hold_gpu_slot(where: str, who: str, say: PrintLine) -> Iterator[list[int]]:
    """Context manager: wait for the slot and hold it. Yields the file descriptors that the stage's
    processes must inherit.
    """
    if not where:
        yield []
    elif where.startswith("prefect:"):
        with _hold_prefect_limit(where.removeprefix("prefect:"), say):
            yield []
    else:
        with _hold_slot_file(Path(where), who, say) as lock:
            yield [lock]


def read_gpu_slot_holder(file: Path) -> str:
    """Who holds the slot now; empty if it is free."""
    if not file.is_file():
        return ""
    lock = _open_slot_file(file)
    try:
        return "" if _try_lock(lock) else _read_holder(lock)
    finally:
        os.close(lock)


@contextmanager
def _hold_slot_file(file: Path, who: str, say: PrintLine) -> Iterator[int]:
    lock = _open_slot_file(file)
    try:
        last_reminder = -REMIND
        while not _try_lock(lock):
            if time.monotonic() - last_reminder >= REMIND:
                last_reminder = time.monotonic()
                say(f"waits for the GPU: {_read_holder(lock)} has it")
            time.sleep(LOOK)
        os.ftruncate(lock, 0)
        os.pwrite(lock, json.dumps({"who": who, "pid": os.getpid()}).encode(), 0)
        yield lock
    finally:
        os.close(lock)


def _open_slot_file(file: Path) -> int:
    """Open the lock file, shared by all users of the machine; refuses symbolic links.

    Created only if it does not exist: for another user's file in /tmp the kernel forbids opening
    with O_CREAT.
    """
    try:
        flags = os.O_RDWR | os.O_NOFOLLOW
        create_flag = 0 if file.exists() else os.O_CREAT
        lock = os.open(file, flags | create_flag, 0o666)
    except OSError as error:
        wrong = f"cannot be opened ({error.strerror})"
        raise InputError(
            file, wrong, f"correct it, or name another file in {SLOT_VARIABLE}"
        ) from None
    if os.fstat(lock).st_uid == os.getuid():
        os.fchmod(lock, 0o666)
    return lock


def _try_lock(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _read_holder(lock: int) -> str:
    try:
        holder = json.loads(os.pread(lock, 4096, 0) or b"{}")
        return f"{holder['who']} (process {holder['pid']})"
    except (ValueError, KeyError, TypeError):
        return "somebody"


@contextmanager
def _hold_prefect_limit(name: str, say: PrintLine) -> Iterator[None]:
    """Context manager: hold a Prefect concurrency limit. Not `strict`: losing the server loses the
    lease, but does not stop the training.
    """
    from prefect.client.orchestration import get_client
    from prefect.concurrency.sync import concurrency
    from prefect.exceptions import ObjectNotFound

    with get_client(sync_client=True) as client:
        try:
            limit = client.read_global_concurrency_limit_by_name(name)
        except ObjectNotFound:
            remedy = f"`prefect gcl create {name} --limit 1`"
            raise InputError(
                f"{SLOT_VARIABLE}=prefect:{name}", "is not a limit there", remedy
            ) from None
    if limit.active_slots >= limit.limit:
        say(f"waits for the GPU: the limit {name} is reached")
    with concurrency(name, occupy=1, lease_duration=LEASE_SECONDS):
        yield
