"""A Dask cluster as an executor: the same jobs on other machines, which share the disk."""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import BrokenExecutor, Executor, Future
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from distributed import Client, KilledWorker

import touchline
from touchline.errors import InputError

VARIABLE = "TOUCHLINE_SCHEDULER"
PATIENCE = 10  # seconds for the scheduler to answer


@contextmanager
def cluster(address: str) -> Iterator[Executor]:
    """The cluster's executor; what has not begun when the block ends is cancelled.

    Raises `InputError` when nobody answers at the address, when it has no workers, or when one of
    them runs other code than this process or does not see its folder.
    """
    with _client(address) as client:
        _check(client, address)
        executor = client.get_executor(pure=False)  # a path with the same name is no same file
        try:
            yield _Absolute(executor)
        finally:
            executor.shutdown(wait=False)


def _client(address: str) -> Client:
    try:  # the border to the network
        return Client(address, timeout=PATIENCE, set_as_default=False)
    except (OSError, ValueError, ImportError) as error:
        wrong = f"no scheduler answers at {address} ({type(error).__name__})"
        raise InputError(VARIABLE, wrong, "start one there, or unset the variable") from error


def _check(client: Client, address: str) -> None:
    here = Path.cwd()
    answers: Any = client.run(state, here, on_error="return")
    if not answers:
        raise InputError(VARIABLE, f"the scheduler at {address} has no workers", "start some")
    for worker, found in sorted(answers.items()):
        if not isinstance(found, tuple) or found[0] != code():
            remedy = "start it from the same commit and environment"
            raise InputError(f"{VARIABLE}: {worker}", "runs other code than this process", remedy)
        if not found[1]:
            remedy = "let all machines share the disk at the same path"
            raise InputError(f"{VARIABLE}: {worker}", f"does not see {here}", remedy)


def state(folder: Path) -> tuple[str, bool]:
    """What a worker runs, and whether it sees the folder."""
    return code(), folder.is_dir()


def code() -> str:
    """sha256 of all code and prompts of the package: two processes run the same, or not."""
    (root,) = map(Path, touchline.__path__)
    digest = hashlib.sha256()
    for path in sorted(path for kind in ("*.py", "*.txt") for path in root.rglob(kind)):
        digest.update(f"{path.relative_to(root).as_posix()}\n".encode() + path.read_bytes())
    return digest.hexdigest()


class _Absolute(Executor):
    """Dask's executor for jobs with relative paths: a worker stands in another folder."""

    def __init__(self, executor: Any) -> None:
        self.executor = executor

    def submit(self, fn: Callable, /, *args: Any, **kwargs: Any) -> Future:
        return self.executor.submit(fn, *map(absolute, args), **kwargs)

    def map(
        self,
        fn: Callable,
        *iterables: Iterable,
        timeout: float | None = None,
        chunksize: int = 1,
    ) -> Iterator:
        rows = [[absolute(item) for item in iterable] for iterable in iterables]
        return _received(self.executor.map(fn, *rows, timeout=timeout))


def _received(results: Iterator) -> Iterator:
    """A job whose workers died again and again ends as in a pool of processes."""
    try:
        yield from results
    except KilledWorker as error:
        raise BrokenExecutor(" ".join(str(error).split())) from error


def absolute(given: Any) -> Any:
    """A path, or the paths in a tuple, made absolute; anything else as it is."""
    if type(given) is tuple:
        return tuple(absolute(item) for item in given)
    return given.absolute() if isinstance(given, Path) else given
