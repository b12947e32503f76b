"""Teach the student by the accepted trajectories: TRL's SFTTrainer, in full or through LoRA."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import torch
from datasets import Dataset
from trl.trainer.sft_config import SFTConfig
from trl.trainer.sft_trainer import SFTTrainer

from touchline import terms
from touchline.dialogue import Dialogue
from touchline.faults import BadInput
from touchline.products import whole_folder
from touchline.records import Clip, Question, Trajectory, by_id, read
from touchline.resume import checkpoint_folder
from touchline.stage import Params, run
from touchline.student.checkpoints import Seal, train
from touchline.student.collator import TrajectoryCollator
from touchline.student.conversation import NO_FRAMES, reels
from touchline.student.curriculum import curriculum
from touchline.student.load import Student, freeze, load, point, settle
from touchline.student.parallel import arguments, gathered_weights, held_by
from touchline.student.phrases import phrases
from touchline.student.ranks import first, ranks, together
from touchline.student.tiny import build
from touchline.student.trained import Asked, Cut, Trained
from touchline.student.trained import save as save_trained
from touchline.student.training import Tuning, Watch, leave, lora, report_to, save
from touchline.tools.choose_frames import Budget
from touchline.video.store import FrameStore


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
    every = read(accepted / "trajectories.parquet", Trajectory)
    by_clip = by_id(read(clips / "clips.parquet", Clip))
    rows = taught(every, questions, by_clip, accepted)
    talks = [row["messages"] for row in rows]
    held = terms.of(by_clip[row["clip"]] for row in rows)
    left_out = {"without_frames": len(every) - len(rows)}
    trained = Trained(budget=budget, dialogue=dialogue, chunk=chunk, ask=ask)
    if sft.steps == 0:
        start(student, talks, held, base)
        with whole_folder(model) as draft:
            leave(base, draft)
            save_trained(draft, trained)
        return {"trajectories": len(rows), "steps": 0, **left_out}

    settle(sft.seed, student.threads)
    with ranks(student.processes):
        # Model
        if first():
            start(student, talks, held, base)
        together()
        net, processor = load(base, student.dtype, student.attention, **_quantized(sft.tuning))
        freeze(net, student.frozen)

        # Training
        checkpoints = checkpoint_folder("sft")
        shown = reels(FrameStore(frames), clips, budget, dialogue)
        args = config(sft, checkpoints, **arguments(student.parallel))
        trainer = SFTTrainer(
            model=net,
            args=args,
            train_dataset=lessons(sft, rows, args),
            processing_class=processor,
            data_collator=TrajectoryCollator(processor, shown, dialogue),
            peft_config=lora(sft.tuning),
            callbacks=[Seal(), Watch("sft")],
        )
        held_by(trainer, student.parallel)
        train(trainer, checkpoints)

        # Save
        weights = gathered_weights(trainer, student.parallel)
        if first():
            with whole_folder(model) as draft:
                save(trainer, processor, base, student, weights, draft)
                save_trained(draft, trained)
                terms.mark(draft, held, base)
    losses = [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]
    loss = {"loss": losses[-1]} if losses else {}
    return {"trajectories": len(rows), "steps": trainer.state.global_step, **loss, **left_out}


def taught(
    every: list[Trajectory], questions: Path, clips: Mapping[str, Clip], accepted: Path
) -> list[dict[str, Any]]:
    """The rows to train on: what is taught of clips that have frames."""
    if not every:
        raise BadInput(accepted, "no trajectory was accepted", "look at its page.html for why")
    asked = by_id(read(questions / "questions.parquet", Question))
    rows = [
        {"messages": t.messages, "clip": asked[t.question].clip, "task": t.task, "images": []}
        for t in every
    ]
    rows = [row for row in rows if clips[row["clip"]].frames]
    if not rows:
        raise BadInput(accepted, f"not one of {len(every)} trajectories has frames", NO_FRAMES)
    return rows


def lessons(sft: Sft, rows: list[dict[str, Any]], args: SFTConfig) -> Dataset:
    """The rows, which TRL draws in random order; or one long row of them, taken as it stands."""
    every = Dataset.from_list(rows)
    if sft.order == "mixed":
        return every
    count = sft.steps * args.train_batch_size * args.gradient_accumulation_steps * args.world_size
    return every.select(curriculum([row["task"] for row in rows], count, sft.seed))


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


def start(student: Student, talks: list[str], held: terms.Held, base: Path) -> None:
    """Write the student before any training: built here, or a pointer to where it lies."""
    with whole_folder(base) as draft:
        if student.model != "tiny":
            point(draft, student)
            terms.mark(draft, {}, Path(student.model))
            return
        blocks = (b for talk in talks for m in json.loads(talk) for b in m["content"])
        texts = sorted({block["text"] for block in blocks if block["type"] == "text"})
        build(student.tiny, texts, phrases(texts), draft)
        terms.mark(draft, held)  # its vocabulary is made of what it is taught


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
