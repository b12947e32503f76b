"""Stage: fine-tune the student on accepted trajectories with TRL's SFTTrainer, in full or with
LoRA.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from datasets import Dataset
from trl.trainer.sft_config import SFTConfig
from trl.trainer.sft_trainer import SFTTrainer

from touchline import licence
from touchline.atomic import atomic_folder
from touchline.chat.dialogue import Dialogue
from touchline.chat.messages import NO_FRAMES, load_frames_by_clip
from touchline.chat.tools.choose_frames import FrameBudget
from touchline.config import Params, run_stage
from touchline.errors import InputError
from touchline.model.load import (
    freeze_model_parts,
    load_model_and_processor,
    seed_everything,
    write_hub_pointer,
)
from touchline.model.params import StudentParams
from touchline.model.processor import FramesProcessor
from touchline.model.tiny import build_tiny_model
from touchline.model.tiny_vocabulary import list_vocabulary_phrases
from touchline.model.trained_with import ClipShape, QuestionShape, TrainedWith, write_trained_with
from touchline.records.clip import Clip
from touchline.records.question import Question
from touchline.records.table import index_by_id, read_records
from touchline.records.trajectory import Trajectory
from touchline.state_dirs import ensure_checkpoint_folder
from touchline.train.checkpoints import MarkCompleteCallback, train_from_checkpoint
from touchline.train.distributed import (
    build_parallel_arguments,
    gather_full_weights,
    is_main_process,
    launch_ranks,
    require_parallel_kind,
    wait_for_ranks,
)
from touchline.train.setup import (
    TrainingProgressCallback,
    TuningParams,
    build_lora_config,
    copy_untrained_model,
    get_report_targets,
    save_trained_model,
)
from touchline.train.sft_data import TrajectoryCollator, order_by_curriculum
from touchline.train.trainer_keys import check_trainer_keys
from touchline.video.frame_store import FrameStore


class SftParams(Params):
    """Params section `sft`."""

    seed: int
    steps: int
    lr: float
    order: Literal["mixed", "curriculum"]  # of the lessons
    tuning: TuningParams
    trainer: dict[str, Any]  # goes whole to SFTConfig


def main(
    sft: SftParams,
    student: StudentParams,
    budget: FrameBudget,
    dialogue: Dialogue,
    chunk: ClipShape,
    ask: QuestionShape,
    clips: Path,
    questions: Path,
    frames: Path,
    accepted: Path,
    base: Path,
    model: Path,
) -> dict[str, float]:
    check_trainer_keys("sft", sft.model_dump())
    # Data
    data = load_sft_data(accepted, questions, clips)
    trained = TrainedWith(budget=budget, dialogue=dialogue, chunk=chunk, ask=ask)
    counts = {"trajectories": len(data.rows), "without_frames": data.left_out}
    if sft.steps == 0:
        write_base_model(student, data, base)
        write_untrained_sft_model(base, trained, model)
        return {**counts, "steps": 0}

    seed_everything(sft.seed, student.threads)
    with launch_ranks(student.processes):
        # Model
        if is_main_process():
            write_base_model(student, data, base)
        wait_for_ranks()
        net, processor = load_model_and_processor(
            base, student.dtype, student.attention, **_build_quantization_arguments(sft.tuning)
        )
        freeze_model_parts(net, student.frozen)

        # Training
        checkpoints = ensure_checkpoint_folder("sft")
        frames_by_clip = load_frames_by_clip(FrameStore(frames), clips, budget, dialogue)
        collator = TrajectoryCollator(processor, frames_by_clip, dialogue)
        trainer = build_sft_trainer(sft, student, data, net, processor, collator, checkpoints)
        train_from_checkpoint(trainer, checkpoints)

        # Save
        weights = gather_full_weights(trainer, student.parallel)
        if is_main_process():
            with atomic_folder(model) as draft:
                save_trained_model(trainer, processor, base, student, weights, draft)
                write_trained_with(draft, trained)
                licence.write_product_terms(draft, data.source_terms, base)
    return {**counts, "steps": trainer.state.global_step, **get_last_loss(trainer)}


def write_untrained_sft_model(base: Path, trained: TrainedWith, model: Path) -> None:
    """Write the model of an SFT stage with 0 steps: the base model."""
    with atomic_folder(model) as draft:
        copy_untrained_model(base, draft)
        write_trained_with(draft, trained)


@dataclass(frozen=True)
class SftData:
    """Training rows (accepted trajectories whose clips have frames) and the terms of
    their sources.
    """

    rows: list[dict[str, Any]]
    source_terms: licence.SourceTerms
    left_out: int  # for want of frames

    def build_dataset(self, sft: SftParams, args: SFTConfig) -> Dataset:
        """The rows as a Dataset, which TRL shuffles; with order `curriculum`, all steps' rows in
        their fixed order.
        """
        full_dataset = Dataset.from_list(self.rows)
        if sft.order == "mixed":
            return full_dataset
        steps = sft.steps * args.train_batch_size * args.gradient_accumulation_steps
        tasks = [row["task"] for row in self.rows]
        return full_dataset.select(order_by_curriculum(tasks, steps * args.world_size, sft.seed))


def load_sft_data(accepted: Path, questions: Path, clips: Path) -> SftData:
    """Load the training rows. Raises InputError if there are none or no clip has frames."""
    all_trajectories = read_records(accepted / "trajectories.parquet", Trajectory)
    if not all_trajectories:
        raise InputError(accepted, "no trajectory was accepted", "look at its page.html for why")
    by_clip = index_by_id(read_records(clips / "clips.parquet", Clip))
    questions_by_id = index_by_id(read_records(questions / "questions.parquet", Question))
    rows = [
        {
            "messages": t.messages,
            "clip": questions_by_id[t.question].clip,
            "task": t.task,
            "images": [],
        }
        for t in all_trajectories
    ]
    rows = [row for row in rows if by_clip[row["clip"]].frames]
    if not rows:
        raise InputError(
            accepted, f"not one of {len(all_trajectories)} trajectories has frames", NO_FRAMES
        )
    source_terms = licence.collect_source_terms(by_clip[row["clip"]] for row in rows)
    return SftData(rows, source_terms, len(all_trajectories) - len(rows))


def build_sft_trainer(
    sft: SftParams,
    student: StudentParams,
    data: SftData,
    net: Any,
    processor: FramesProcessor,
    collator: TrajectoryCollator,
    checkpoints: Path,
) -> SFTTrainer:
    """Build TRL's SFTTrainer."""
    args = build_sft_config(sft, checkpoints, **build_parallel_arguments(student.parallel))
    trainer = SFTTrainer(
        model=net,
        args=args,
        train_dataset=data.build_dataset(sft, args),
        processing_class=processor,
        data_collator=collator,
        peft_config=build_lora_config(sft.tuning),
        callbacks=[MarkCompleteCallback(), TrainingProgressCallback("sft")],
    )
    require_parallel_kind(trainer, student.parallel)
    return trainer


def get_last_loss(trainer: SFTTrainer) -> dict[str, float]:
    """{'loss': the last logged loss}; {} if none was logged."""
    losses = [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]
    return {"loss": losses[-1]} if losses else {}


def build_sft_config(sft: SftParams, checkpoints: Path, **extra_arguments: Any) -> SFTConfig:
    """SFTConfig of our fixed settings; everything in `sft.trainer` is passed on."""
    return SFTConfig(
        output_dir=str(checkpoints),
        seed=sft.seed,
        max_steps=sft.steps,
        learning_rate=sft.lr,
        report_to=get_report_targets(),
        disable_tqdm=True,  # Watch says how far it is
        use_cpu=not torch.cuda.is_available(),
        max_length=None,  # a cut picture token would end in a crash: too long a row is an error
        remove_unused_columns=False,
        train_sampling_strategy="random" if sft.order == "mixed" else "sequential",
        **extra_arguments,
        **sft.trainer,
    )


def write_base_model(student: StudentParams, data: SftData, base: Path) -> None:
    """Write the student before training: build the tiny model, or a pointer to the
    pretrained one.
    """
    with atomic_folder(base) as draft:
        if student.model != "tiny":
            write_hub_pointer(draft, student)
            licence.write_product_terms(draft, {}, Path(student.model))
            return
        conversations = (json.loads(row["messages"]) for row in data.rows)
        blocks = (
            block
            for messages in conversations
            for message in messages
            for block in message["content"]
        )
        texts = sorted({block["text"] for block in blocks if block["type"] == "text"})
        build_tiny_model(student.tiny, texts, list_vocabulary_phrases(texts), draft)
        licence.write_product_terms(
            draft, data.source_terms
        )  # its vocabulary is made of what it is taught


def _build_quantization_arguments(tuning: TuningParams) -> dict[str, Any]:
    if tuning.kind != "qlora":
        return {}
    from transformers import BitsAndBytesConfig

    if not torch.cuda.is_available():
        raise InputError("sft.tuning.kind", "qlora needs a GPU", "choose lora or full")
    kind = BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=torch.bfloat16,
    )
    return {"quantization_config": kind}


if __name__ == "__main__":
    run_stage(main)
