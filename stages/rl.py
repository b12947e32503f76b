"""Improve the student by its own attempts: TRL's GRPOTrainer, the frame tool, gated rewards."""

from collections.abc import Set
from functools import partial
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from trl.trainer.grpo_config import GRPOConfig
from trl.trainer.grpo_trainer import GRPOTrainer

from touchline import terms
from touchline.dialogue import Dialogue
from touchline.faults import BadInput
from touchline.products import whole_folder
from touchline.records import Clip, Question, Rollout, by_id, read, write
from touchline.resume import checkpoint_folder
from touchline.rewards.rule import Rule
from touchline.stage import Params, run
from touchline.student.checkpoints import Seal, train
from touchline.student.conversation import NO_FRAMES, reels, unasked
from touchline.student.direct import direct
from touchline.student.environment import Clips
from touchline.student.load import Student, load, settle
from touchline.student.processor import vision_tokens
from touchline.student.ranks import first, ranks
from touchline.student.reward import Reward, collected
from touchline.student.rollout import Player
from touchline.student.training import Tuning, Watch, leave, lora, report_to, save
from touchline.tools.choose_frames import Budget
from touchline.video.store import FrameStore

ROLLOUTS = "rollouts.parquet"  # beside the model


class Rl(Params):
    seed: int
    steps: int
    lr: float
    turn_tokens: int  # at most so many new tokens per turn
    tuning: Tuning
    reward: Rule
    trainer: dict[str, Any]  # goes whole to GRPOConfig


def main(
    rl: Rl,
    student: Student,
    budget: Budget,
    dialogue: Dialogue,
    clips: Path,
    questions: Path,
    frames: Path,
    start: Path,
    model: Path,
) -> dict[str, float]:
    # Data
    every = by_id(read(questions / "questions.parquet", Question))
    asked_of = [q for q in every.values() if q.split == "train"]
    if not asked_of:
        raise BadInput(questions, "no question is in the train split", "raise ask.shares.train")
    here = {c.id: c for c in read(clips / "clips.parquet", Clip) if c.frames}
    rows = [{"prompt": unasked(), "question": q.id} for q in asked_of if q.clip in here]
    if not rows:
        raise BadInput(questions, f"not one of {len(asked_of)} questions has frames", NO_FRAMES)
    left_out = {"without_frames": len(asked_of) - len(rows)}
    held = terms.of(here[every[row["question"]].clip] for row in rows)
    if rl.steps == 0:
        with whole_folder(model) as draft:
            leave(start, draft)
            terms.mark(draft, held, start)
            write(draft / ROLLOUTS, Rollout, [])
        return {"questions": len(rows), "steps": 0, **left_out}
    if not dialogue.thinks:
        wrong = f"{dialogue.style} has no thoughts and no tool to reinforce"
        raise BadInput("dialogue.style", wrong, "set rl.steps to 0, or the style to thinking")

    settle(rl.seed, student.threads)
    with ranks(student.processes):
        # Model
        net, processor = load(start, student.dtype)
        checkpoints = checkpoint_folder("rl")
        args = config(rl, budget, vision_tokens(processor), checkpoints)
        shown = reels(FrameStore(frames), clips, budget, dialogue)
        easy: Set[str] = set()
        if rl.reward.weights.selective:
            batch = args.per_device_train_batch_size
            player = Player(net.eval(), processor, alone(budget), rl.turn_tokens, batch)
            games = [(q, shown[q.clip]) for q in asked_of if q.clip in here]
            easy = direct(player, games, rl.reward.gate, checkpoints / "direct.json")
            left_out["direct"] = len(easy)
        played, size = checkpoints / "rollouts", args.num_generations or 1
        reward: Any = Reward(every, processor, rl.reward, size, played, easy)
        environment: Any = partial(Clips, every, shown, budget)

        # Training
        trainer = GRPOTrainer(
            model=net,
            reward_funcs=[reward],
            args=args,
            train_dataset=Dataset.from_list(rows),
            processing_class=processor,
            environment_factory=environment,
            peft_config=lora(rl.tuning),
            callbacks=[Seal(), Watch("rl")],
        )
        train(trainer, checkpoints)

        # Save
        if first():
            with whole_folder(model) as draft:
                save(trainer, processor, start, student.dtype, draft)
                terms.mark(draft, held, start)
                write(draft / ROLLOUTS, Rollout, collected(played, rl.steps))
    return {"questions": len(rows), "steps": trainer.state.global_step, **last(trainer), **left_out}


def alone(budget: Budget) -> Budget:
    """The first frames and no others."""
    return budget.model_copy(update={"calls": 0})


def config(rl: Rl, budget: Budget, never: list[int], checkpoints: Path) -> GRPOConfig:
    """Our fixed choices; `rl.trainer` holds every knob that may be turned."""
    return GRPOConfig(
        output_dir=str(checkpoints),
        seed=rl.seed,
        max_steps=rl.steps,
        learning_rate=rl.lr,
        report_to=report_to(),
        disable_tqdm=True,  # Watch says how far it is
        use_cpu=not torch.cuda.is_available(),
        max_tool_calling_iterations=budget.calls + 1,
        # Pictures behind vision tokens that a model made up do not exist: never sample them.
        generation_kwargs={"max_new_tokens": rl.turn_tokens, "suppress_tokens": never},
        log_completions=False,  # TRL 1.16 cannot write completions that hold pictures
        mask_truncated_completions=False,  # breaks rows of unlike picture counts in TRL 1.16
        **rl.trainer,
    )


def last(trainer: GRPOTrainer) -> dict[str, float]:
    """The reward's parts over the last logged steps."""
    logged = [entry for entry in trainer.state.log_history if "reward" in entry]
    names = ("reward", "accuracy", "format", "tool_rate", "groups/no_signal", "groups/phantom")
    return {name: float(logged[-1][name]) for name in names if logged and name in logged[-1]}


if __name__ == "__main__":
    run(main)
