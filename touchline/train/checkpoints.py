"""Go on from the newest whole checkpoint; a half-written one is never taken for finished."""

from pathlib import Path
from typing import Any

from transformers import PrinterCallback, TrainerCallback
from transformers.trainer_callback import TrainerState

from touchline.train.distributed import first, together

WHOLE = "whole"  # a file in a checkpoint that every process has finished writing


class Seal(TrainerCallback):
    """Marks a checkpoint once all of it, every process's part included, is on disk."""

    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        together()
        if first():
            (Path(args.output_dir) / f"checkpoint-{state.global_step}" / WHOLE).touch()


def train(trainer: Any, checkpoints: Path) -> None:
    """Train to the end, from the newest whole checkpoint in the folder if there is one.

    A training that had reached its last step, and was killed before its model was saved, trains
    no further: transformers would add a step.
    """
    trainer.remove_callback(PrinterCallback)
    newest = newest_whole(checkpoints)
    if newest and _step(newest) >= trainer.args.max_steps:
        if trainer.is_fsdp_enabled or trainer.is_deepspeed_enabled:  # which load into parts only
            trainer._prepare_for_training(
                _step(newest), trainer.get_train_dataloader(), str(newest)
            )
        else:
            trainer._load_from_checkpoint(str(newest))
        trainer.state = TrainerState.load_from_json(str(newest / "trainer_state.json"))
    else:
        trainer.train(resume_from_checkpoint=str(newest) if newest else None)


def reached(folder: Path) -> int:
    """The step at which a training in this folder is taken up."""
    newest = newest_whole(folder)
    return _step(newest) if newest else 0


def newest_whole(folder: Path) -> Path | None:
    """The sealed checkpoint of the highest step."""
    sealed = [mark.parent for mark in folder.glob(f"checkpoint-*/{WHOLE}")]
    return max(sealed, key=_step, default=None)


def _step(checkpoint: Path) -> int:
    return int(checkpoint.name.rsplit("-", 1)[1])
