"""Shared by SFT and RL: tuning (full, LoRA, QLoRA), progress, metrics log, saving the model."""

import json
import os
import shutil
from pathlib import Path
from typing import Any, Literal

from peft import LoraConfig, PeftModel
from transformers import TrainerCallback

from touchline.config import Params
from touchline.model.load import merge_lora_adapter
from touchline.model.params import StudentParams
from touchline.progress import ProgressReporter
from touchline.train.distributed import is_main_process

# Language layers only: the vision tower stays as it is (VideoBrain, FrameThinker).
LORA_TARGETS = r"(?!.*visual).*\.(q_proj|k_proj|v_proj|o_proj|gate_proj|up_proj|down_proj)"


class TuningParams(Params):
    """Which weights are trained: all, a LoRA adapter, or an adapter over a 4-bit base
    (GPU only).
    """

    kind: Literal["full", "lora", "qlora"]
    rank: int
    alpha: int
    dropout: float


def build_lora_config(tuning: TuningParams) -> LoraConfig | None:
    """The LoRA configuration, or None when all weights are trained."""
    if tuning.kind == "full":
        return None
    return LoraConfig(
        r=tuning.rank,
        lora_alpha=tuning.alpha,
        lora_dropout=tuning.dropout,
        target_modules=LORA_TARGETS,
        task_type="CAUSAL_LM",
    )


def get_report_targets() -> list[str]:
    """TRL's `report_to`: ['mlflow'] if the flow has opened an MLflow run for this stage, else
    empty.
    """
    return ["mlflow"] if os.environ.get("MLFLOW_RUN_ID") else []


class TrainingProgressCallback(TrainerCallback):
    """Trainer callback: show a progress bar, on rank 0 only."""

    def __init__(self, label: str) -> None:
        self.label, self.note = label, ""
        self.progress: ProgressReporter | None = None

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        if is_main_process():
            self.progress = ProgressReporter(self.label, state.max_steps)
            self.progress.start_at(state.global_step)

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:
        shown = [f"{k} {logs[k]:.3f}" for k in ("loss", "reward", "accuracy") if k in logs]
        self.note = " ".join(shown) or self.note

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        if self.progress:
            self.progress.advance_to(state.global_step, self.note)

    def on_train_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        if self.progress:
            self.progress.__exit__(None, None, None)


def copy_untrained_model(start: Path, folder: Path) -> None:
    """For a training of zero steps: copy the start model and write an empty log."""
    shutil.copytree(start, folder, dirs_exist_ok=True)
    _write_log([], folder / "log.jsonl")


def save_trained_model(
    trainer: Any,
    processor: Any,
    base: Path,
    student: StudentParams,
    weights: dict[str, Any] | None,
    folder: Path,
) -> None:
    """Save a plain model folder and the metrics log. After LoRA the adapter is saved in `adapter/`
    and the folder holds the merged weights.

    `weights` is the state dict gathered from all processes, None where this process has it.
    """
    model = trainer.accelerator.unwrap_model(trainer.model)
    if isinstance(model, PeftModel):
        model.save_pretrained(str(folder / "adapter"), state_dict=weights)
        merge_lora_adapter(base, folder / "adapter", student.dtype, folder)
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
