"""The GPU of this machine, for one stage at a time: of any run, checkout or worker.

A stage asks for it by `meta: {slot: gpu}` in dvc.yaml. The slot is a locked file that all processes
of the stage hold open, so the kernel frees it with the last of them, `kill -9` included, and no
clock or lease can be wrong about it. Containers that share a GPU but no disk give the name of a
Prefect concurrency limit instead: there a lease of a minute, by the server's time, does the same.
"""

import fcntl
import json
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from touchline.atomic import whole_file
from touchline.errors import BadInput

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


def begin(root: Path, id: str) -> None:
    """This run is the last one that began; call when locked."""
    with whole_file(_newest_run_file(root)) as draft:
        draft.write_text(f"{id}\n")


def last(root: Path) -> str:
    """The run that began last here, "" if none did."""
    file = _newest_run_file(root)
    return file.read_text().strip() if file.is_file() else ""


def check(root: Path, id: str, held: int) -> None:
    """Raise `BadInput` when another run has begun since, or when the lock is not ours any more."""
    remedy = "`touchline retrain` shows what is newest; this run's products stay in the cache"
    if (newer := last(root)) != id:
        raise BadInput(f"run {id}", f"is late: run {newer or '?'} has begun since", remedy)
    if not same(root, held):
        wrong = "is late: the lock file was removed or replaced while it ran"
        raise BadInput(f"run {id}", wrong, remedy)


def _newest_run_file(root: Path) -> Path:
    return root / ".touchline" / "attempt"


VARIABLE = "TOUCHLINE_SLOT"  # a file's absolute path, or `prefect:NAME`
LEASE = 60.0  # seconds, the least that Prefect takes
LOOK, REMIND = 0.2, 60.0  # seconds between two looks; between two lines that say who has it

Say = Callable[[str], None]


def place(gpus: bool) -> str:
    """Where the slot is: "" on a machine without a GPU, unless the environment names one."""
    given = os.environ.get(VARIABLE, "")
    if given and not given.startswith("prefect:") and not Path(given).is_absolute():
        remedy = "give an absolute path, or `prefect:NAME` of a concurrency limit"
        raise BadInput(f"{VARIABLE}={given}", "is no slot", remedy)
    return given or (str(Path(tempfile.gettempdir()) / "touchline-gpu.lock") if gpus else "")


@contextmanager
def held(where: str, who: str, say: Say) -> Iterator[list[int]]:
    """Wait for the slot and hold it; yields the descriptors that the stage must inherit."""
    if not where:
        yield []
    elif where.startswith("prefect:"):
        with _leased(where.removeprefix("prefect:"), say):
            yield []
    else:
        with _locked(Path(where), who, say) as lock:
            yield [lock]


def holder(file: Path) -> str:
    """Who has the slot now; "" if nobody."""
    if not file.is_file():
        return ""
    lock = _open(file)
    try:
        return "" if _taken(lock) else _holder(lock)
    finally:
        os.close(lock)


@contextmanager
def _locked(file: Path, who: str, say: Say) -> Iterator[int]:
    lock = _open(file)
    try:
        told = -REMIND
        while not _taken(lock):
            if time.monotonic() - told >= REMIND:
                told = time.monotonic()
                say(f"waits for the GPU: {_holder(lock)} has it")
            time.sleep(LOOK)
        os.ftruncate(lock, 0)
        os.pwrite(lock, json.dumps({"who": who, "pid": os.getpid()}).encode(), 0)
        yield lock
    finally:
        os.close(lock)


def _open(file: Path) -> int:
    """Shared by all users of the machine; never through somebody's link.

    Opened first without a wish to make it: the kernel forbids that for another's file in /tmp.
    """
    try:
        how = os.O_RDWR | os.O_NOFOLLOW
        made = 0 if file.exists() else os.O_CREAT
        lock = os.open(file, how | made, 0o666)
    except OSError as error:
        wrong = f"cannot be opened ({error.strerror})"
        raise BadInput(file, wrong, f"mend it, or name another file in {VARIABLE}") from None
    if os.fstat(lock).st_uid == os.getuid():
        os.fchmod(lock, 0o666)
    return lock


def _taken(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _holder(lock: int) -> str:
    try:
        said = json.loads(os.pread(lock, 4096, 0) or b"{}")
        return f"{said['who']} (process {said['pid']})"
    except (ValueError, KeyError, TypeError):
        return "somebody"


@contextmanager
def _leased(name: str, say: Say) -> Iterator[None]:
    """Losing touch with the server costs the lease, not the training: hence not `strict`."""
    from prefect.client.orchestration import get_client
    from prefect.concurrency.sync import concurrency
    from prefect.exceptions import ObjectNotFound

    with get_client(sync_client=True) as client:
        try:
            limit = client.read_global_concurrency_limit_by_name(name)
        except ObjectNotFound:
            remedy = f"`prefect gcl create {name} --limit 1`"
            raise BadInput(f"{VARIABLE}=prefect:{name}", "is no limit there", remedy) from None
    if limit.active_slots >= limit.limit:
        say(f"waits for the GPU: the limit {name} is reached")
    with concurrency(name, occupy=1, lease_duration=LEASE):
        yield
