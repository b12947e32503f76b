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

from touchline.faults import BadInput

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
