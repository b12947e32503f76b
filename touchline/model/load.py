"""Load the model, its processor and its adapters: shared by SFT, RL and evaluation."""

import json
import os
import warnings
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForImageTextToText, PreTrainedModel, set_seed

from touchline.errors import InputError
from touchline.model.params import StudentParams
from touchline.model.processor import FramesProcessor, load_processor

HUB_POINTER = "hub.json"  # stands in a base folder whose weights live on a hub


def seed_everything(seed: int, threads: int) -> None:
    """Make the process repeatable: set all random seeds and the thread counts, silence library
    warnings.
    """
    os.environ.setdefault("OMP_NUM_THREADS", str(threads))  # read by accelerate and by children
    os.environ.setdefault("TRL_EXPERIMENTAL_SILENCE", "1")
    warnings.filterwarnings("ignore", category=FutureWarning)  # libraries on their own options
    set_seed(seed)
    torch.set_num_threads(threads)


def load_model_and_processor(
    folder: Path, dtype: str, attention: str = "sdpa", **options: Any
) -> tuple[PreTrainedModel, FramesProcessor]:
    """Load (model, processor) from a stage's model folder, or from the hub if the folder holds a
    pointer to it. Moves the model to the GPU if there is one.
    """
    name, revision = resolve_model_source(folder)
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


def freeze_model_parts(model: Any, parts: list[str]) -> None:
    """Exclude parts of the model from training. `parts` are module names anywhere on a weight's
    path, such as `visual`. Raises `InputError` for a part the model does not have.
    """
    frozen_parts: set[str] = set()
    for name, weight in model.named_parameters():
        if inside := set(parts) & set(name.split(".")):
            frozen_parts |= inside
            weight.requires_grad_(False)
    if missing := sorted(set(parts) - frozen_parts):
        raise InputError(
            "student.frozen", f"the model has no part {', '.join(missing)}", "correct it"
        )


def resolve_model_source(folder: Path) -> tuple[str, str]:
    """(folder or hub name, revision) to pass to transformers. Raises `InputError` if the
    folder holds no model.
    """
    pointer = folder / HUB_POINTER
    if pointer.is_file():
        target = json.loads(pointer.read_text())
        return target["model"], target["revision"] or "main"
    if not (folder / "config.json").is_file():
        raise InputError(folder, "holds no model (no config.json)", "rerun the stage that makes it")
    return str(folder), "main"


def write_hub_pointer(folder: Path, student: StudentParams) -> None:
    """Write a pointer file (hub.json) to a hub model instead of copying its weights."""
    folder.mkdir(parents=True, exist_ok=True)
    target = {"model": student.model, "revision": student.revision}
    (folder / HUB_POINTER).write_text(json.dumps(target, indent=2) + "\n")


def merge_lora_adapter(base: Path, adapter: Path, dtype: str, folder: Path) -> None:
    """Merge a LoRA adapter into its base and save the result as a plain model folder."""
    from peft import PeftModel

    model, processor = load_model_and_processor(base, dtype)
    merged: Any = PeftModel.from_pretrained(model, adapter).merge_and_unload()
    merged.save_pretrained(folder)
    processor.save_pretrained(folder)
