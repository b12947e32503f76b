"""A process pool that dies with its parent, and ordered job mapping on any executor."""

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
def open_worker_pool(workers: int) -> Iterator[Executor]:
    """Context manager: an executor with `workers` spawned processes, or one thread if `workers` is
    1.

    Processes are spawned, because a fork would copy Arrow's locks. They die with this process, even
    if it is killed (once started up, about a second). If TOUCHLINE_SCHEDULER names a Dask
    scheduler, its cluster is used instead.
    """
    address = os.environ.get("TOUCHLINE_SCHEDULER")
    if address:
        from touchline.video.cluster import (
            connect_dask_cluster,  # importing distributed takes a second
        )

        with connect_dask_cluster(address) as executor:
            yield executor
        return
    executor = _spawn_processes(workers) if workers > 1 else ThreadPoolExecutor(1)
    try:
        yield executor
    finally:
        executor.shutdown(cancel_futures=True)


def _spawn_processes(workers: int) -> ProcessPoolExecutor:
    context = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(workers, context, _die_with_parent, (os.getpid(),))


def map_jobs(
    executor: Executor, job: Callable[..., Result], rows: Iterable[tuple[Any, ...]]
) -> Iterator[Result]:
    """Yield `job(*row)` for all rows, in row order; an `InputError` in a worker is raised here."""
    for result in map_jobs_with_errors(executor, job, rows):
        if isinstance(result, InputError):
            raise result
        yield result


def map_jobs_with_errors(
    executor: Executor, job: Callable[..., Result], rows: Iterable[tuple[Any, ...]]
) -> Iterator[Result | InputError]:
    """Like `map_jobs`, but an `InputError` in a worker is yielded as the result of its row."""
    for result in executor.map(partial(_run_job, job), rows):
        yield InputError(*result) if isinstance(result, _PickledInputError) else result


class _PickledInputError(tuple[str, str, str]):
    """An `InputError` as a picklable tuple: place, wrong, remedy."""


def _run_job(job: Callable[..., Result], row: tuple[Any, ...]) -> Result | _PickledInputError:
    try:
        return job(*row)
    except InputError as fault:
        return _PickledInputError((fault.place, fault.wrong, fault.remedy))


def _die_with_parent(parent: int) -> None:
    """Ask Linux to kill this process when its parent dies."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it died before we asked
            os._exit(1)
