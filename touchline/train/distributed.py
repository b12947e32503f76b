"""Several processes for one training on one machine: this one is rank 0 and starts the others.

Our own few lines, because torchrun puts its workers into sessions of their own, where the
supervisor's kill does not reach them. Under `torchrun` or `accelerate launch` (several machines,
FSDP, DeepSpeed) RANK is set already and nothing is started here.
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

from touchline.errors import BadInput
from touchline.model.load import Parallel

Item = TypeVar("Item")
HELPER = "TOUCHLINE_HELPER"  # set for the processes that `ranks` starts


@contextmanager
def ranks(count: int) -> Iterator[None]:
    """Within the block this process is one of `count` that train together.

    The others run this very command line up to the end of the block. Raises `BadInput` when one
    of them fails.
    """
    if count <= 1 and "RANK" not in os.environ:
        yield
        return
    others = [] if "RANK" in os.environ else _start(count)
    over = watch(others)
    try:
        _meet()
        yield
        dist.barrier()
    except BaseException:
        over.set()
        for other in others:
            other.kill()
        raise
    if HELPER in os.environ:
        os._exit(0)  # gloo's own farewell waits for rank 0, which waits for this process
    codes = [other.wait() for other in others]
    if any(codes):
        raise BadInput("training", f"helper processes ended with {codes}", "see their output above")


def watch(others: Sequence[subprocess.Popen]) -> threading.Event:
    """End all of this training should one of its processes fail: the rest would wait for it.

    Set the event to end the watch.
    """
    over = threading.Event()
    for other in others:
        threading.Thread(target=_end_with, args=(other, others, over), daemon=True).start()
    return over


def _end_with(
    one: subprocess.Popen, others: Sequence[subprocess.Popen], over: threading.Event
) -> None:
    if (code := one.wait()) and not over.is_set():
        for other in others:
            other.kill()
        said = f"error: training: a helper process ended with {code}; see its output above\n"
        os.write(2, said.encode())
        os._exit(1)


def _meet() -> None:
    """Every process takes its own GPU, if there are any, and waits for the others."""
    if torch.cuda.is_available():
        torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")))
    dist.init_process_group("nccl" if torch.cuda.is_available() else "gloo")


def first() -> bool:
    """Whether this process writes files."""
    return os.environ.get("RANK", "0") == "0"


def gathered(mine: list[Item]) -> list[Item]:
    """The items of every process, in the order of the processes."""
    if not dist.is_initialized():
        return mine
    every: list[list[Item]] = [[] for _ in range(dist.get_world_size())]
    dist.all_gather_object(every, mine)
    return [item for items in every for item in items]


def own(every: list[Item]) -> list[Item]:
    """The items of this process among those that were gathered; each has equally many."""
    if not dist.is_initialized():
        return every
    count = len(every) // dist.get_world_size()
    return every[dist.get_rank() * count :][:count]


def share(every: Sequence[Item]) -> Sequence[Item]:
    """This process's share of work that any of them may do."""
    if not dist.is_initialized():
        return every
    return every[dist.get_rank() :: dist.get_world_size()]


def together() -> None:
    """Wait until every process is here."""
    if dist.is_initialized():
        dist.barrier()


def _start(count: int) -> list[subprocess.Popen]:
    world = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(_free_port()), "WORLD_SIZE": str(count)}
    os.environ.update(world | {"RANK": "0", "LOCAL_RANK": "0"})
    return [
        subprocess.Popen(
            sys.orig_argv,
            env=os.environ | {"RANK": str(rank), "LOCAL_RANK": str(rank), HELPER: "1"},
            stdout=subprocess.DEVNULL,
        )
        for rank in range(1, count)
    ]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def arguments(parallel: Parallel) -> dict[str, Any]:
    """What SFTConfig and GRPOConfig must be told; nothing for copies, which are their default."""
    if parallel.kind == "fsdp":
        return {"fsdp": True, "fsdp_config": dict(parallel.fsdp)}
    if parallel.kind == "deepspeed":
        return {"deepspeed": dict(parallel.deepspeed)}
    return {}


def held_by(trainer: Any, parallel: Parallel) -> None:
    """Raise `BadInput` if the trainer took no notice: on a CPU accelerate goes on with copies."""
    taken = str(trainer.accelerator.distributed_type.value).lower()
    if parallel.kind in ("fsdp", "deepspeed") and taken != parallel.kind:
        wrong = f"{parallel.kind} was asked for, and accelerate trains by {taken}"
        raise BadInput("student.parallel.kind", wrong, "run it on GPUs, or choose ddp")


def gathered_weights(trainer: Any, parallel: Parallel) -> dict[str, Any] | None:
    """The whole model's weights, from all parts; None where every process has them anyway.

    Every process must call this; only the first one gets the weights, on the CPU.
    """
    if parallel.kind == "fsdp":
        parts = trainer.model.state_dict(keep_vars=True)  # tied weights are one object in it
        whole = {id(part): _whole(part) for part in parts.values()}
        return {name: whole[id(part)] for name, part in parts.items()}
    if parallel.kind == "deepspeed":
        return trainer.accelerator.get_state_dict(trainer.model_wrapped)
    return None


def _whole(part: Any) -> Any:
    """A weight from the parts of all processes, in the memory of the host."""
    whole = part.full_tensor() if hasattr(part, "full_tensor") else part
    return whole.detach().cpu() if first() else None
