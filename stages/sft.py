"""Teach the student by the accepted trajectories: TRL's SFTTrainer, in full or through LoRA."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from datasets import Dataset
from trl.trainer.sft_config import SFTConfig
from trl.trainer.sft_trainer import SFTTrainer

from touchline import licence
from touchline.atomic import whole_folder
from touchline.chat.dialogue import Dialogue
from touchline.chat.messages import NO_FRAMES, reels
from touchline.chat.tools.choose_frames import Budget
from touchline.config import Params, run
from touchline.errors import BadInput
from touchline.model.load import Student, freeze, load, point, settle
from touchline.model.processor import FramesProcessor
from touchline.model.tiny import build
from touchline.model.tiny_vocabulary import phrases
from touchline.model.trained_with import Asked, Cut, Trained
from touchline.model.trained_with import save as save_trained
from touchline.records import Clip, Question, Trajectory, by_id, read
from touchline.state_dirs import checkpoint_folder
from touchline.train.checkpoints import Seal, train
from touchline.train.distributed import arguments, first, gathered_weights, held_by, ranks, together
from touchline.train.setup import Tuning, Watch, leave, lora, report_to, save
from touchline.train.sft_data import TrajectoryCollator, curriculum
from touchline.video.frame_store import FrameStore


class Sft(Params):
    seed: int
    steps: int
    lr: float
    order: Literal["mixed", "curriculum"]  # of the lessons
    tuning: Tuning
    trainer: dict[str, Any]  # goes whole to SFTConfig


def main(
    sft: Sft,
    student: Student,
    budget: Budget,
    dialogue: Dialogue,
    chunk: Cut,
    ask: Asked,
    clips: Path,
    questions: Path,
    frames: Path,
    accepted: Path,
    base: Path,
    model: Path,
) -> dict[str, float]:
    # Data
    lessons = taught(accepted, questions, clips)
    trained = Trained(budget=budget, dialogue=dialogue, chunk=chunk, ask=ask)
    told = {"trajectories": len(lessons.rows), "without_frames": lessons.left_out}
    if sft.steps == 0:
        start(student, lessons, base)
        untouched(base, trained, model)
        return {**told, "steps": 0}

    settle(sft.seed, student.threads)
    with ranks(student.processes):
        # Model
        if first():
            start(student, lessons, base)
        together()
        net, processor = load(base, student.dtype, student.attention, **_quantized(sft.tuning))
        freeze(net, student.frozen)

        # Training
        checkpoints = checkpoint_folder("sft")
        shown = reels(FrameStore(frames), clips, budget, dialogue)
        collator = TrajectoryCollator(processor, shown, dialogue)
        trainer = teaching(sft, student, lessons, net, processor, collator, checkpoints)
        train(trainer, checkpoints)

        # Save
        weights = gathered_weights(trainer, student.parallel)
        if first():
            with whole_folder(model) as draft:
                save(trainer, processor, base, student, weights, draft)
                save_trained(draft, trained)
                licence.mark(draft, lessons.held, base)
    return {**told, "steps": trainer.state.global_step, **last(trainer)}


def untouched(base: Path, trained: Trained, model: Path) -> None:
    """The model as it was before any step."""
    with whole_folder(model) as draft:
        leave(base, draft)
        save_trained(draft, trained)


@dataclass(frozen=True)
class Lessons:
    """What is taught: rows of accepted trajectories whose clips have frames, and their terms."""

    rows: list[dict[str, Any]]
    held: licence.Held
    left_out: int  # for want of frames

    def dataset(self, sft: Sft, args: SFTConfig) -> Dataset:
        """The rows, which TRL draws at random; or one long row of them, taken as it stands."""
        every = Dataset.from_list(self.rows)
        if sft.order == "mixed":
            return every
        steps = sft.steps * args.train_batch_size * args.gradient_accumulation_steps
        tasks = [row["task"] for row in self.rows]
        return every.select(curriculum(tasks, steps * args.world_size, sft.seed))


def taught(accepted: Path, questions: Path, clips: Path) -> Lessons:
    """The rows to train on; a `BadInput` where there are none."""
    every = read(accepted / "trajectories.parquet", Trajectory)
    if not every:
        raise BadInput(accepted, "no trajectory was accepted", "look at its page.html for why")
    by_clip = by_id(read(clips / "clips.parquet", Clip))
    asked = by_id(read(questions / "questions.parquet", Question))
    rows = [
        {"messages": t.messages, "clip": asked[t.question].clip, "task": t.task, "images": []}
        for t in every
    ]
    rows = [row for row in rows if by_clip[row["clip"]].frames]
    if not rows:
        raise BadInput(accepted, f"not one of {len(every)} trajectories has frames", NO_FRAMES)
    held = licence.of(by_clip[row["clip"]] for row in rows)
    return Lessons(rows, held, len(every) - len(rows))


def teaching(
    sft: Sft,
    student: Student,
    lessons: Lessons,
    net: Any,
    processor: FramesProcessor,
    collator: TrajectoryCollator,
    checkpoints: Path,
) -> SFTTrainer:
    """TRL's trainer."""
    args = config(sft, checkpoints, **arguments(student.parallel))
    trainer = SFTTrainer(
        model=net,
        args=args,
        train_dataset=lessons.dataset(sft, args),
        processing_class=processor,
        data_collator=collator,
        peft_config=lora(sft.tuning),
        callbacks=[Seal(), Watch("sft")],
    )
    held_by(trainer, student.parallel)
    return trainer


def last(trainer: SFTTrainer) -> dict[str, float]:
    """The last loss that was logged."""
    losses = [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]
    return {"loss": losses[-1]} if losses else {}


def config(sft: Sft, checkpoints: Path, **more: Any) -> SFTConfig:
    """Our fixed choices; `sft.trainer` holds every knob that may be turned."""
    return SFTConfig(
        output_dir=str(checkpoints),
        seed=sft.seed,
        max_steps=sft.steps,
        learning_rate=sft.lr,
        report_to=report_to(),
        disable_tqdm=True,  # Watch says how far it is
        use_cpu=not torch.cuda.is_available(),
        max_length=None,  # a cut picture token would end in a crash: too long a row is an error
        remove_unused_columns=False,
        train_sampling_strategy="random" if sft.order == "mixed" else "sequential",
        **more,
        **sft.trainer,
    )


def start(student: Student, lessons: Lessons, base: Path) -> None:
    """Write the student before any training: built here, or a pointer to where it lies."""
    with whole_folder(base) as draft:
        if student.model != "tiny":
            point(draft, student)
            licence.mark(draft, {}, Path(student.model))
            return
        talks = (json.loads(row["messages"]) for row in lessons.rows)
        blocks = (block for talk in talks for message in talk for block in message["content"])
        texts = sorted({block["text"] for block in blocks if block["type"] == "text"})
        build(student.tiny, texts, phrases(texts), draft)
        licence.mark(draft, lessons.held)  # its vocabulary is made of what it is taught


def _quantized(tuning: Tuning) -> dict[str, Any]:
    if tuning.kind != "qlora":
        return {}
    from transformers import BitsAndBytesConfig

    if not torch.cuda.is_available():
        raise BadInput("sft.tuning.kind", "qlora needs a GPU", "choose lora or full")
    kind = BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=torch.bfloat16,
    )
    return {"quantization_config": kind}


if __name__ == "__main__":
    run(main)
