"""A pool of processes that die with their parent, and a job list that runs on any executor."""

import ctypes
import multiprocessing
import os
import signal
import sys
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from typing import Any, TypeVar

from touchline.errors import InputError

Result = TypeVar("Result")
PR_SET_PDEATHSIG = 1


@contextmanager
def pool(workers: int) -> Iterator[Executor]:
    """`workers` fresh processes, or one thread for one worker; all gone when the block ends.

    They are spawned: a fork would copy Arrow's locks. A kill of this process kills them too, once
    they have started up (about a second); until then they notice by themselves. Where
    TOUCHLINE_SCHEDULER names a Dask scheduler, its cluster does the work instead.
    """
    address = os.environ.get("TOUCHLINE_SCHEDULER")
    if address:
        from touchline.video.cluster import cluster  # importing distributed takes a second

        with cluster(address) as executor:
            yield executor
        return
    executor = _processes(workers) if workers > 1 else ThreadPoolExecutor(1)
    try:
        yield executor
    finally:
        executor.shutdown(cancel_futures=True)


def _processes(workers: int) -> ProcessPoolExecutor:
    context = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(workers, context, _die_with, (os.getpid(),))


def each(
    executor: Executor, job: Callable[..., Result], rows: Iterable[tuple[Any, ...]]
) -> Iterator[Result]:
    """`job(*row)` for all rows, results in row order; a worker's `InputError` is raised here.

    The executor may be any, of this machine or of many.
    """
    for result in tried(executor, job, rows):
        if isinstance(result, InputError):
            raise result
        yield result


def tried(
    executor: Executor, job: Callable[..., Result], rows: Iterable[tuple[Any, ...]]
) -> Iterator[Result | InputError]:
    """Like `each`, but a worker's `InputError` is handed on as the result of its row."""
    for result in executor.map(partial(_guarded, job), rows):
        yield InputError(*result) if isinstance(result, _Fault) else result


class _Fault(tuple[str, str, str]):
    """A `InputError` on its way home: place, wrong, remedy."""


def _guarded(job: Callable[..., Result], row: tuple[Any, ...]) -> Result | _Fault:
    try:
        return job(*row)
    except InputError as fault:
        return _Fault((fault.place, fault.wrong, fault.remedy))


def _die_with(parent: int) -> None:
    """Linux kills this process when its parent dies, by whatever signal."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it died before we asked
            os._exit(1)
