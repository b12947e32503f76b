"""A Dask cluster as an `Executor`; its machines must share the disk with this one."""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import BrokenExecutor, Executor, Future
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from distributed import Client, KilledWorker

import touchline
from touchline.errors import InputError

SCHEDULER_VARIABLE = "TOUCHLINE_SCHEDULER"
CONNECT_TIMEOUT = 10  # seconds for the scheduler to answer


@contextmanager
def connect_dask_cluster(address: str) -> Iterator[Executor]:
    """Context manager: the cluster's executor. Jobs that have not started when the block ends are
    cancelled.

    Raises `InputError` if no scheduler answers at the address, if it has no workers, or if a worker
    runs other code than this process or does not see its working folder.
    """
    with _connect_client(address) as client:
        _check_workers(client, address)
        executor = client.get_executor(pure=False)  # a path with the same name is not the same file
        try:
            yield _AbsolutePathExecutor(executor)
        finally:
            executor.shutdown(wait=False)


def _connect_client(address: str) -> Client:
    try:  # the border to the network
        return Client(address, timeout=CONNECT_TIMEOUT, set_as_default=False)
    except (OSError, ValueError, ImportError) as error:
        wrong = f"no scheduler answers at {address} ({type(error).__name__})"
        raise InputError(
            SCHEDULER_VARIABLE, wrong, "start one there, or unset the variable"
        ) from error


def _check_workers(client: Client, address: str) -> None:
    folder = Path.cwd()
    answers: Any = client.run(report_worker_state, folder, on_error="return")
    if not answers:
        raise InputError(
            SCHEDULER_VARIABLE, f"the scheduler at {address} has no workers", "start some"
        )
    for worker, worker_state in sorted(answers.items()):
        if not isinstance(worker_state, tuple) or worker_state[0] != hash_package_code():
            remedy = "start it from the same commit and environment"
            raise InputError(
                f"{SCHEDULER_VARIABLE}: {worker}", "runs other code than this process", remedy
            )
        if not worker_state[1]:
            remedy = "let all machines share the disk at the same path"
            raise InputError(f"{SCHEDULER_VARIABLE}: {worker}", f"does not see {folder}", remedy)


def report_worker_state(folder: Path) -> tuple[str, bool]:
    """(code digest of this worker, whether it sees the folder); runs on the worker."""
    return hash_package_code(), folder.is_dir()


def hash_package_code() -> str:
    """sha256 of all code and prompts of the package, to check that two processes run the same
    version.
    """
    (root,) = map(Path, touchline.__path__)
    digest = hashlib.sha256()
    for path in sorted(path for kind in ("*.py", "*.txt") for path in root.rglob(kind)):
        digest.update(f"{path.relative_to(root).as_posix()}\n".encode() + path.read_bytes())
    return digest.hexdigest()


class _AbsolutePathExecutor(Executor):
    """Dask's executor with relative paths made absolute, because workers have another working
    folder.
    """

    def __init__(self, executor: Any) -> None:
        self.executor = executor

    def submit(self, fn: Callable, /, *args: Any, **kwargs: Any) -> Future:
        return self.executor.submit(fn, *map(make_paths_absolute, args), **kwargs)

    def map(
        self,
        fn: Callable,
        *iterables: Iterable,
        timeout: float | None = None,
        chunksize: int = 1,
    ) -> Iterator:
        rows = [[make_paths_absolute(item) for item in iterable] for iterable in iterables]
        return _translate_killed_worker(self.executor.map(fn, *rows, timeout=timeout))


def _translate_killed_worker(results: Iterator) -> Iterator:
    """The results; a job whose workers died repeatedly raises `BrokenExecutor`, as in a process
    pool.
    """
    try:
        yield from results
    except KilledWorker as error:
        raise BrokenExecutor(" ".join(str(error).split())) from error


def make_paths_absolute(value: Any) -> Any:
    """Make a path, or the paths in a tuple, absolute; return anything else unchanged."""
    if type(value) is tuple:
        return tuple(make_paths_absolute(item) for item in value)
    return value.absolute() if isinstance(value, Path) else value
