"""Resume training from the newest complete checkpoint; half-written checkpoints are ignored."""

from pathlib import Path
from typing import Any

from transformers import PrinterCallback, TrainerCallback
from transformers.trainer_callback import TrainerState

from touchline.train.distributed import is_main_process, wait_for_ranks

COMPLETE_MARK = "whole"  # a file in a checkpoint that every process has finished writing


class MarkCompleteCallback(TrainerCallback):
    """Trainer callback: put a mark file (COMPLETE_MARK) into a checkpoint folder once every process
    has written its part.
    """

    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        wait_for_ranks()
        if is_main_process():
            (Path(args.output_dir) / f"checkpoint-{state.global_step}" / COMPLETE_MARK).touch()


def train_from_checkpoint(trainer: Any, checkpoints: Path) -> None:
    """Train to the last step, resuming from the newest complete checkpoint in `checkpoints` if
    there is one.

    If that checkpoint is already at the last step (the process was killed before the model was
    saved), only its weights are loaded: transformers would train one step more.
    """
    trainer.remove_callback(PrinterCallback)
    newest = find_newest_checkpoint(checkpoints)
    if newest and _checkpoint_step(newest) >= trainer.args.max_steps:
        if trainer.is_fsdp_enabled or trainer.is_deepspeed_enabled:  # which load into parts only
            trainer._prepare_for_training(
                _checkpoint_step(newest), trainer.get_train_dataloader(), str(newest)
            )
        else:
            trainer._load_from_checkpoint(str(newest))
        trainer.state = TrainerState.load_from_json(str(newest / "trainer_state.json"))
    else:
        trainer.train(resume_from_checkpoint=str(newest) if newest else None)


def find_resume_step(folder: Path) -> int:
    """The step at which a training in this folder resumes; 0 without a complete checkpoint."""
    newest = find_newest_checkpoint(folder)
    return _checkpoint_step(newest) if newest else 0


def find_newest_checkpoint(folder: Path) -> Path | None:
    """The complete checkpoint with the highest step, or None."""
    sealed = [mark.parent for mark in folder.glob(f"checkpoint-*/{COMPLETE_MARK}")]
    return max(sealed, key=_checkpoint_step, default=None)


def _checkpoint_step(checkpoint: Path) -> int:
    return int(checkpoint.name.rsplit("-", 1)[1])
