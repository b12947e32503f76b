"""Load a student, its processor and its adapters: the same for SFT, RL and evaluation."""

import json
import os
import warnings
from pathlib import Path
from typing import Any, Literal

import torch
from transformers import AutoModelForImageTextToText, PreTrainedModel, set_seed

from touchline.config import Params
from touchline.errors import BadInput
from touchline.model.processor import FramesProcessor, load_processor
from touchline.model.tiny import Tiny

POINTER = "hub.json"  # stands in a base folder whose weights live on a hub


class Parallel(Params):
    """ddp: each process holds a whole copy; fsdp and deepspeed: each holds a part of it."""

    kind: Literal["ddp", "fsdp", "deepspeed"]
    fsdp: dict[str, Any]  # goes whole to `fsdp_config` of transformers
    deepspeed: dict[str, Any]  # goes whole to DeepSpeed, which takes rates and sizes from us


class Student(Params):
    """Which model is trained: `tiny` builds one, anything else is a folder or a hub name."""

    model: str
    revision: str  # of a hub model: a commit, so that a run can be repeated; "" for a folder
    dtype: str  # float32 or bfloat16
    processes: int  # that train together; the batch is per process
    parallel: Parallel
    frozen: list[str]  # parts of the model that no training moves, such as visual
    attention: str  # sdpa, eager, flash_attention_2 ...: as transformers names them
    threads: int  # torch threads on a CPU; one is fastest when cores are shared, and repeatable
    tiny: Tiny


def settle(seed: int, threads: int) -> None:
    """Make a process repeatable: seeds, thread count, deterministic kernels."""
    os.environ.setdefault("OMP_NUM_THREADS", str(threads))  # read by accelerate and by children
    os.environ.setdefault("TRL_EXPERIMENTAL_SILENCE", "1")
    warnings.filterwarnings("ignore", category=FutureWarning)  # libraries on their own options
    set_seed(seed)
    torch.set_num_threads(threads)


def load(
    folder: Path, dtype: str, attention: str = "sdpa", **options: Any
) -> tuple[PreTrainedModel, FramesProcessor]:
    """Model and processor of a stage's model folder; a pointer leads on to the hub."""
    name, revision = where(folder)
    model: Any = AutoModelForImageTextToText.from_pretrained(
        name,
        revision=revision,
        dtype=getattr(torch, dtype),
        attn_implementation=attention,
        **options,
    )
    if torch.cuda.is_available() and "quantization_config" not in options:
        model.to("cuda")
    return model, load_processor(name, revision)


def freeze(model: Any, parts: list[str]) -> None:
    """Leave these parts, named by any module on the way to a weight, as they are."""
    found: set[str] = set()
    for name, weight in model.named_parameters():
        if inside := set(parts) & set(name.split(".")):
            found |= inside
            weight.requires_grad_(False)
    if missing := sorted(set(parts) - found):
        raise BadInput("student.frozen", f"the model has no part {', '.join(missing)}", "mend it")


def where(folder: Path) -> tuple[str, str]:
    """(name or folder, revision) that transformers loads from."""
    pointer = folder / POINTER
    if pointer.is_file():
        found = json.loads(pointer.read_text())
        return found["model"], found["revision"] or "main"
    if not (folder / "config.json").is_file():
        raise BadInput(folder, "holds no model (no config.json)", "rerun the stage that makes it")
    return str(folder), "main"


def point(folder: Path, student: Student) -> None:
    """Write the pointer to a model that is not ours to copy."""
    folder.mkdir(parents=True, exist_ok=True)
    known = {"model": student.model, "revision": student.revision}
    (folder / POINTER).write_text(json.dumps(known, indent=2) + "\n")


def merge(base: Path, adapter: Path, dtype: str, folder: Path) -> None:
    """Write base plus LoRA adapter as one plain model folder, which everything else can load."""
    from peft import PeftModel

    model, processor = load(base, dtype)
    merged: Any = PeftModel.from_pretrained(model, adapter).merge_and_unload()
    merged.save_pretrained(folder)
    processor.save_pretrained(folder)
