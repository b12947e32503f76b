"""How the processes of one training share model and work: each a copy, or each a part."""

from typing import Any, Literal

from touchline.stage import Params


class Parallel(Params):
    """ddp: each process holds a whole copy; fsdp and deepspeed: each holds a part of it."""

    kind: Literal["ddp", "fsdp", "deepspeed"]
    fsdp: dict[str, Any]  # goes whole to `fsdp_config` of transformers
    deepspeed: dict[str, Any]  # goes whole to DeepSpeed, which takes rates and sizes from us

    @property
    def parts(self) -> bool:
        """Whether no process holds the whole model while it trains."""
        return self.kind != "ddp"


def arguments(parallel: Parallel) -> dict[str, Any]:
    """What SFTConfig and GRPOConfig must be told; nothing for copies, which are their default."""
    if parallel.kind == "fsdp":
        return {"fsdp": True, "fsdp_config": dict(parallel.fsdp)}
    if parallel.kind == "deepspeed":
        return {"deepspeed": dict(parallel.deepspeed)}
    return {}


def gathered_weights(trainer: Any, parallel: Parallel) -> dict[str, Any] | None:
    """The whole model's weights, from all parts; None where every process has them anyway.

    Every process must call this. The first one gets the weights, on the CPU; the others may get
    an empty dict.
    """
    if not parallel.parts:
        return None
    return trainer.accelerator.get_state_dict(trainer.model_wrapped)
