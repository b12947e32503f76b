"""Params section `student`: the model to train and how its processes share it."""

from typing import Any, Literal

from touchline.config import Params


class TinyParams(Params):
    """Architecture and vocabulary size of the tiny student."""

    seed: int
    hidden: int
    layers: int
    heads: int
    kv_heads: int
    feed_forward: int
    vision_hidden: int
    vision_layers: int
    vision_heads: int
    vocabulary: int  # byte-level BPE entries, the added whole phrases not counted


class ParallelParams(Params):
    """How training processes share the model. ddp: each holds a full copy; fsdp and deepspeed: each
    holds a part.
    """

    kind: Literal["ddp", "fsdp", "deepspeed"]
    fsdp: dict[str, Any]  # goes whole to `fsdp_config` of transformers
    deepspeed: dict[str, Any]  # goes whole to DeepSpeed, which takes rates and sizes from us


class StudentParams(Params):
    """The model to train: `tiny` builds one, anything else is a folder or a hub name."""

    model: str
    revision: str  # of a hub model: a commit, so that a run can be repeated; "" for a folder
    dtype: str  # float32 or bfloat16
    processes: int  # that train together; the batch is per process
    parallel: ParallelParams
    frozen: list[str]  # parts of the model that no training moves, such as visual
    attention: str  # sdpa, eager, flash_attention_2 ...: as transformers names them
    threads: int  # torch threads on a CPU; one is fastest when cores are shared, and repeatable
    tiny: TinyParams
