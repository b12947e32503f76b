"""Improve the student by its own attempts: TRL's GRPO, the frame tool, rewards, proof of sight."""

from collections.abc import Mapping, Sequence, Set
from functools import partial
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from trl.trainer.grpo_config import GRPOConfig

from touchline import terms
from touchline.dialogue import Dialogue
from touchline.faults import BadInput
from touchline.products import whole_folder
from touchline.records import Clip, Question, Rollout, by_id, read, write
from touchline.resume import checkpoint_folder
from touchline.rewards.rule import Rule
from touchline.stage import Params, run
from touchline.student.checkpoints import Seal, reached, train
from touchline.student.conversation import NO_FRAMES, asked, pictured, reels, unasked
from touchline.student.direct import direct
from touchline.student.environment import Clips
from touchline.student.load import Student, freeze, load, settle
from touchline.student.parallel import arguments, gathered_weights, held_by
from touchline.student.parity import Prompt, prompt_of
from touchline.student.processor import FramesProcessor, vision_tokens
from touchline.student.ranks import first, ranks
from touchline.student.replay import RULES, Rules, leave_rules
from touchline.student.reward import Reward, collected
from touchline.student.rollout import Player
from touchline.student.sight import PROOF, Sight, leave_proof, told
from touchline.student.stop import Limits, Stop
from touchline.student.trained import carry
from touchline.student.trainer import SeeingTrainer
from touchline.student.training import Tuning, Watch, leave, lora, report_to, save
from touchline.student.vllm_rollouts import Proof, Vllm, generation
from touchline.tools.choose_frames import Budget, Reel, Viewing
from touchline.video.store import FrameStore

ROLLOUTS = "rollouts.parquet"  # beside the model


class Rl(Params):
    seed: int
    steps: int
    lr: float
    turn_tokens: int  # at most so many new tokens per turn
    vllm: Vllm
    tuning: Tuning
    reward: Rule
    sight: Sight
    stop: Limits
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
    rules = Rules(budget=budget, reward=rl.reward, turn_tokens=rl.turn_tokens)
    held = terms.of(here[every[row["question"]].clip] for row in rows)
    if rl.steps == 0:
        with whole_folder(model) as draft:
            leave(start, draft)
            terms.mark(draft, held, start)
            write(draft / ROLLOUTS, Rollout, [])
            leave_proof(draft / PROOF, told(draft, 0, rl.sight))
            leave_rules(draft / RULES, rules)
        return {"questions": len(rows), "steps": 0, **left_out}
    if not dialogue.thinks:
        wrong = f"{dialogue.style} has no thoughts and no tool to reinforce"
        raise BadInput("dialogue.style", wrong, "set rl.steps to 0, or the style to thinking")

    settle(rl.seed, student.threads)
    with ranks(student.processes):
        # Model
        net, processor = load(start, student.dtype, student.attention)
        freeze(net, student.frozen)
        checkpoints = checkpoint_folder("rl")
        never = vision_tokens(processor)
        args = config(rl, budget, never, checkpoints, **arguments(student.parallel))
        shown = reels(FrameStore(frames), clips, budget, dialogue)
        easy: Set[str] = set()
        if rl.reward.weights.selective:
            batch = args.per_device_train_batch_size
            player = Player(net.eval(), processor, alone(budget), rl.turn_tokens, batch)
            games = [(q, shown[q.clip]) for q in asked_of if q.clip in here]
            easy = direct(player, games, rl.reward.gate, checkpoints / "direct.json")
            left_out["direct"] = len(easy)
        played, size = checkpoints / "rollouts", args.num_generations or 1
        reward = Reward(every, processor, rl.reward, size, played, easy)
        stop, proofs = Stop(reward, rl.stop), checkpoints / "sight"
        environment: Any = partial(Clips, every, shown, budget)

        some = [every[row["question"]] for row in rows[: rl.vllm.parity.prompts]]
        prompts = partial(openings, some, shown, budget, processor)
        proof = Proof(rl.vllm.parity, prompts, processor, never, checkpoints)

        # Training
        stop.take_up(reached(checkpoints))
        scored: Any = reward
        trainer = SeeingTrainer(
            model=net,
            reward_funcs=[scored],
            args=args,
            train_dataset=Dataset.from_list(rows),
            processing_class=processor,
            environment_factory=environment,
            peft_config=lora(rl.tuning),
            callbacks=[Seal(), stop, Watch("rl")],
            sight=rl.sight,
            proofs=proofs,
        )
        held_by(trainer, student.parallel)
        if rl.vllm.mode != "none":
            proof.engine = trainer.vllm_generation
            trainer.add_callback(proof)
        train(trainer, checkpoints)
        stop.demand(trainer.state.global_step)

        # Save
        weights = gathered_weights(trainer, student.parallel)
        if first():
            with whole_folder(model) as draft:
                save(trainer, processor, start, student, weights, draft)
                carry(start, draft)
                terms.mark(draft, held, start)
                write(draft / ROLLOUTS, Rollout, collected(played, rl.steps))
                proof.leave(draft)
                leave_proof(draft / PROOF, told(proofs, rl.steps, rl.sight))
                leave_rules(draft / RULES, rules)
    return {"questions": len(rows), "steps": trainer.state.global_step, **last(trainer), **left_out}


def alone(budget: Budget) -> Budget:
    """The first frames and no others."""
    return budget.model_copy(update={"calls": 0})


def openings(
    questions: Sequence[Question],
    shown: Mapping[str, Reel],
    budget: Budget,
    processor: FramesProcessor,
) -> list[Prompt]:
    """What rollouts of these questions begin with: first frames and question."""
    talks = [
        asked(q, pictured(Viewing(shown[q.clip], budget).open(), shown[q.clip])) for q in questions
    ]
    return [prompt_of(q.id, talk, processor) for q, talk in zip(questions, talks, strict=True)]


def config(rl: Rl, budget: Budget, never: list[int], checkpoints: Path, **more: Any) -> GRPOConfig:
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
        **generation(rl.vllm, rl.turn_tokens, never),
        log_completions=False,  # TRL 1.16 cannot write completions that hold pictures
        mask_truncated_completions=False,  # breaks rows of unlike picture counts in TRL 1.16
        **more,
        **rl.trainer,
    )


def last(trainer: SeeingTrainer) -> dict[str, float]:
    """The reward's parts over the last logged steps."""
    logged = [entry for entry in trainer.state.log_history if "reward" in entry]
    names = ("reward", "accuracy", "format", "tool_rate", "groups/no_signal", "groups/phantom")
    return {name: float(logged[-1][name]) for name in names if logged and name in logged[-1]}


if __name__ == "__main__":
    run(main)
