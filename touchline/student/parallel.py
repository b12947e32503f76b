"""How the processes of one training share model and work: each a copy, or each a part."""

from typing import Any

from touchline.faults import BadInput
from touchline.student.load import Parallel
from touchline.student.ranks import first


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
