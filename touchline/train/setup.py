"""What SFT and RL share: tuning by LoRA or in full, progress, a log of numbers, resuming."""

import json
import os
import shutil
from pathlib import Path
from typing import Any, Literal

from peft import LoraConfig, PeftModel
from transformers import TrainerCallback

from touchline.config import Params
from touchline.model.load import Student, merge
from touchline.progress import Progress
from touchline.train.distributed import first

# Language layers only: the vision tower stays as it is (VideoBrain, FrameThinker).
TARGETS = r"(?!.*visual).*\.(q_proj|k_proj|v_proj|o_proj|gate_proj|up_proj|down_proj)"


class Tuning(Params):
    """How weights move: all of them, a LoRA adapter, or one over a 4-bit base (GPU only)."""

    kind: Literal["full", "lora", "qlora"]
    rank: int
    alpha: int
    dropout: float


def lora(tuning: Tuning) -> LoraConfig | None:
    """The adapter's shape, None when all weights are trained."""
    if tuning.kind == "full":
        return None
    return LoraConfig(
        r=tuning.rank,
        lora_alpha=tuning.alpha,
        lora_dropout=tuning.dropout,
        target_modules=TARGETS,
        task_type="CAUSAL_LM",
    )


def report_to() -> list[str]:
    """Live metrics go to MLflow when the flow has made a run for this stage, else nowhere."""
    return ["mlflow"] if os.environ.get("MLFLOW_RUN_ID") else []


class Watch(TrainerCallback):
    """Progress while training, said by the first process alone."""

    def __init__(self, what: str) -> None:
        self.what, self.note = what, ""
        self.progress: Progress | None = None

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        if first():
            self.progress = Progress(self.what, state.max_steps)
            self.progress.start_at(state.global_step)

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:
        shown = [f"{k} {logs[k]:.3f}" for k in ("loss", "reward", "accuracy") if k in logs]
        self.note = " ".join(shown) or self.note

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        if self.progress:
            self.progress.to(state.global_step, self.note)

    def on_train_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        if self.progress:
            self.progress.__exit__(None, None, None)


def leave(start: Path, folder: Path) -> None:
    """The model as it was, for a training of no steps: the files of `start`, and an empty log."""
    shutil.copytree(start, folder, dirs_exist_ok=True)
    _write_log([], folder / "log.jsonl")


def save(
    trainer: Any,
    processor: Any,
    base: Path,
    student: Student,
    weights: dict[str, Any] | None,
    folder: Path,
) -> None:
    """A plain model folder; after LoRA the adapter lies beside the merged weights.

    `weights` are those gathered from all processes, None where this one has them.
    """
    model = trainer.accelerator.unwrap_model(trainer.model)
    if isinstance(model, PeftModel):
        model.save_pretrained(str(folder / "adapter"), state_dict=weights)
        merge(base, folder / "adapter", student.dtype, folder)
    else:
        model.save_pretrained(folder, state_dict=weights)
        processor.save_pretrained(folder)
    _write_log(trainer.state.log_history, folder / "log.jsonl")


def _write_log(history: list[dict[str, Any]], file: Path) -> None:
    """The trainer's history as JSON lines, so that equal runs give equal bytes, resumed or not.

    Left out are clock readings, what a trainer counts or averages since its process began, and
    entries of which nothing is left: a training resumed at its last step never writes the summary.
    """
    timed = ("runtime", "per_second", "step_time", "profiling/", "total_flos")
    left_out = (*timed, "num_tokens", "train_loss")
    with file.open("w") as out:
        for entry in history:
            kept = {k: v for k, v in entry.items() if not any(word in k for word in left_out)}
            if kept.keys() - {"epoch", "step"}:
                out.write(json.dumps(kept, sort_keys=True) + "\n")
