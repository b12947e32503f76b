"""Several processes of one training on one machine: launching them, DDP, FSDP and DeepSpeed
settings, gathering values and weights.
"""

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

import torch
import torch.distributed as dist

from touchline.errors import InputError
from touchline.model.params import ParallelParams

Item = TypeVar("Item")
HELPER_RANK_VARIABLE = "TOUCHLINE_HELPER"  # set for the processes that `ranks` starts


@contextmanager
def launch_ranks(count: int) -> Iterator[None]:
    """Context manager: inside the block this process is one of `count` ranks of a torch.distributed
    group.

    The others run the same command line up to the end of the block. Raises `InputError` when one of
    them fails.
    """
    if count <= 1 and "RANK" not in os.environ:
        yield
        return
    others = [] if "RANK" in os.environ else _start_helper_ranks(count)
    finished = watch_ranks(others)
    try:
        _init_process_group()
        yield
        dist.barrier()
    except BaseException:  # helper processes must not outlive this one; it is raised again
        finished.set()
        for other in others:
            other.kill()
        raise
    if HELPER_RANK_VARIABLE in os.environ:
        os._exit(0)  # gloo's own farewell waits for rank 0, which waits for this process
    codes = [other.wait() for other in others]
    if any(codes):
        raise InputError(
            "training", f"helper processes ended with {codes}", "see their output above"
        )


def watch_ranks(others: Sequence[subprocess.Popen]) -> threading.Event:
    """Watch helper processes in threads: if one fails, kill the others and exit, since they would
    wait for it forever. Set the returned event to stop watching.
    """
    finished = threading.Event()
    for other in others:
        threading.Thread(
            target=_exit_if_rank_fails, args=(other, others, finished), daemon=True
        ).start()
    return finished


def _exit_if_rank_fails(
    process: subprocess.Popen, others: Sequence[subprocess.Popen], finished: threading.Event
) -> None:
    if (code := process.wait()) and not finished.is_set():
        for other in others:
            other.kill()
        message = f"error: training: a helper process ended with {code}; see its output above\n"
        os.write(2, message.encode())
        os._exit(1)


def _init_process_group() -> None:
    """Every process takes its own GPU, if there are any, and waits for the others."""
    if torch.cuda.is_available():
        torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")))
    dist.init_process_group("nccl" if torch.cuda.is_available() else "gloo")


def is_main_process() -> bool:
    """Whether this is rank 0, the process that writes files."""
    return os.environ.get("RANK", "0") == "0"


def gather_from_ranks(local_items: list[Item]) -> list[Item]:
    """The items of all processes, in order of rank; a collective call."""
    if not dist.is_initialized():
        return local_items
    items_by_rank: list[list[Item]] = [[] for _ in range(dist.get_world_size())]
    dist.all_gather_object(items_by_rank, local_items)
    return [item for items in items_by_rank for item in items]


def take_rank_slice(gathered_items: list[Item]) -> list[Item]:
    """This rank's slice of items gathered by `gather_from_ranks`; every rank must have contributed
    equally many.
    """
    if not dist.is_initialized():
        return gathered_items
    count = len(gathered_items) // dist.get_world_size()
    return gathered_items[dist.get_rank() * count :][:count]


def shard_for_rank(all_items: Sequence[Item]) -> Sequence[Item]:
    """This rank's share of independent work: every world-size-th item."""
    if not dist.is_initialized():
        return all_items
    return all_items[dist.get_rank() :: dist.get_world_size()]


def wait_for_ranks() -> None:
    """Barrier: wait until all processes are here."""
    if dist.is_initialized():
        dist.barrier()


def _start_helper_ranks(count: int) -> list[subprocess.Popen]:
    world = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(_free_port()), "WORLD_SIZE": str(count)}
    os.environ.update(world | {"RANK": "0", "LOCAL_RANK": "0"})
    return [
        subprocess.Popen(
            sys.orig_argv,
            env=os.environ
            | {"RANK": str(rank), "LOCAL_RANK": str(rank), HELPER_RANK_VARIABLE: "1"},
            stdout=subprocess.DEVNULL,
        )
        for rank in range(1, count)
    ]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def build_parallel_arguments(parallel: ParallelParams) -> dict[str, Any]:
    """Keyword arguments for SFTConfig and GRPOConfig that select FSDP or DeepSpeed; empty for DDP,
    the default.
    """
    if parallel.kind == "fsdp":
        return {"fsdp": True, "fsdp_config": dict(parallel.fsdp)}
    if parallel.kind == "deepspeed":
        return {"deepspeed": dict(parallel.deepspeed)}
    return {}


def require_parallel_kind(trainer: Any, parallel: ParallelParams) -> None:
    """Raise `InputError` if accelerate did not use the parallelism asked for; on a CPU it silently
    falls back to DDP.
    """
    actual_kind = str(trainer.accelerator.distributed_type.value).lower()
    if parallel.kind in ("fsdp", "deepspeed") and actual_kind != parallel.kind:
        wrong = f"{parallel.kind} was asked for, and accelerate trains by {actual_kind}"
        raise InputError("student.parallel.kind", wrong, "run it on GPUs, or choose ddp")


def gather_full_weights(trainer: Any, parallel: ParallelParams) -> dict[str, Any] | None:
    """The full state dict gathered from all processes; None under DDP, where every process has it.

    A collective call: all processes must make it. Under FSDP only rank 0 gets the weights (on the
    CPU), the others None values.
    """
    if parallel.kind == "fsdp":
        parts = trainer.model.state_dict(keep_vars=True)  # tied weights are one object in it
        full_weights = {id(part): _full_tensor(part) for part in parts.values()}
        return {name: full_weights[id(part)] for name, part in parts.items()}
    if parallel.kind == "deepspeed":
        return trainer.accelerator.get_state_dict(trainer.model_wrapped)
    return None


def _full_tensor(part: Any) -> Any:
    """A weight from the parts of all processes, in the memory of the host."""
    full_weight = part.full_tensor() if hasattr(part, "full_tensor") else part
    return full_weight.detach().cpu() if is_main_process() else None
