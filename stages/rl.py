"""Improve the student by its own attempts: TRL's GRPO, the frame tool, rewards, proof of sight."""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from trl.trainer.grpo_config import GRPOConfig

from touchline import licence
from touchline.atomic import whole_folder
from touchline.chat.dialogue import Dialogue
from touchline.chat.messages import NO_FRAMES, asked, pictured, reels, unasked
from touchline.chat.tools.choose_frames import Budget, Reel, Viewing
from touchline.config import Params, run
from touchline.errors import BadInput
from touchline.model.generate import Player
from touchline.model.load import Student, freeze, load, settle
from touchline.model.processor import FramesProcessor, vision_tokens
from touchline.model.trained_with import carry
from touchline.records import Clip, Question, Rollout, by_id, read, write
from touchline.state_dirs import checkpoint_folder
from touchline.train.checkpoints import Seal, reached, train
from touchline.train.distributed import arguments, first, gathered_weights, held_by, ranks
from touchline.train.rl.early_stop import Limits, Stop
from touchline.train.rl.easy_questions import direct
from touchline.train.rl.environment import Clips
from touchline.train.rl.replay import RULES, Rules, leave_rules
from touchline.train.rl.reward_fn import Reward, collected
from touchline.train.rl.rewards.rule import Rule
from touchline.train.rl.trainer import SeeingTrainer
from touchline.train.rl.vision_proof import PROOF, Sight, leave_proof, told
from touchline.train.rl.vllm_parity import Prompt, Proof, Vllm, generation, prompt_of
from touchline.train.setup import Tuning, Watch, leave, lora, report_to, save
from touchline.video.frame_store import FrameStore

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


@dataclass(frozen=True)
class Given:
    """The questions of the train split, those to be asked, and the clips that have frames."""

    every: Mapping[str, Question]
    asked: list[Question]
    here: Mapping[str, Clip]
    left_out: int  # for want of frames


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
    given = to_ask(clips, questions)
    told_of = {"questions": len(given.asked), "without_frames": given.left_out}
    rules = Rules(budget=budget, reward=rl.reward, turn_tokens=rl.turn_tokens)
    if rl.steps == 0:
        untouched(rl, given, rules, start, model)
        return {**told_of, "steps": 0}
    if not dialogue.thinks:
        wrong = f"{dialogue.style} has no thoughts and no tool to reinforce"
        raise BadInput("dialogue.style", wrong, "set rl.steps to 0, or the style to thinking")

    settle(rl.seed, student.threads)
    with ranks(student.processes):
        # Model
        net, processor = load(start, student.dtype, student.attention)
        freeze(net, student.frozen)

        # Training
        shown = reels(FrameStore(frames), clips, budget, dialogue)
        practice = Practice(rl, student, budget, given, shown, net, processor)
        trainer = practice.trainer()
        train(trainer, practice.checkpoints)
        practice.stop.demand(trainer.state.global_step)

        # Save
        weights = gathered_weights(trainer, student.parallel)
        if first():
            with whole_folder(model) as draft:
                save(trainer, processor, start, student, weights, draft)
                carry(start, draft)
                practice.leave(draft, start)
                leave_rules(draft / RULES, rules)
    direct_too = {"direct": len(practice.easy)} if rl.reward.weights.selective else {}
    return {**told_of, **direct_too, "steps": trainer.state.global_step, **last(trainer)}


def to_ask(clips: Path, questions: Path) -> Given:
    """What RL may ask; a `BadInput` where that is nothing."""
    every = by_id(read(questions / "questions.parquet", Question))
    asked_of = [q for q in every.values() if q.split == "train"]
    if not asked_of:
        raise BadInput(questions, "no question is in the train split", "raise ask.shares.train")
    here = {c.id: c for c in read(clips / "clips.parquet", Clip) if c.frames}
    seen = [q for q in asked_of if q.clip in here]
    if not seen:
        raise BadInput(questions, f"not one of {len(asked_of)} questions has frames", NO_FRAMES)
    return Given(every, seen, here, len(asked_of) - len(seen))


def untouched(rl: Rl, given: Given, rules: Rules, start: Path, model: Path) -> None:
    """The model as it was, and that nothing was proved."""
    with whole_folder(model) as draft:
        leave(start, draft)
        licence.mark(draft, held(given), start)
        write(draft / ROLLOUTS, Rollout, [])
        leave_proof(draft / PROOF, told(draft, 0, rl.sight))
        leave_rules(draft / RULES, rules)


def held(given: Given) -> licence.Held:
    """The terms of what is asked about."""
    return licence.of(given.here[q.clip] for q in given.asked)


class Practice:
    """All that a training plays by, beside the model: rewards, ends, proofs, and where they lie."""

    def __init__(
        self,
        rl: Rl,
        student: Student,
        budget: Budget,
        given: Given,
        shown: Mapping[str, Reel],
        net: Any,
        processor: FramesProcessor,
    ) -> None:
        self.rl, self.student, self.budget, self.given = rl, student, budget, given
        self.shown, self.net, self.processor = shown, net, processor
        self.checkpoints, never = checkpoint_folder("rl"), vision_tokens(processor)
        self.args = config(rl, budget, never, self.checkpoints, **arguments(student.parallel))
        self.easy = self._easy()
        self.played, size = self.checkpoints / "rollouts", self.args.num_generations or 1
        self.reward = Reward(given.every, processor, rl.reward, size, self.played, self.easy)
        self.stop, self.proofs = Stop(self.reward, rl.stop), self.checkpoints / "sight"
        some = given.asked[: rl.vllm.parity.prompts]
        prompts = partial(openings, some, shown, budget, processor)
        self.proof = Proof(rl.vllm.parity, prompts, processor, never, self.checkpoints)

    def _easy(self) -> Set[str]:
        """What is answered without a call before RL: there the selective reward pays for none."""
        if not self.rl.reward.weights.selective:
            return set()
        games = [(q, self.shown[q.clip]) for q in self.given.asked]
        alone = self.budget.model_copy(update={"calls": 0})  # the first frames and no others
        how = alone, self.rl.turn_tokens, self.args.per_device_train_batch_size
        player = Player(self.net.eval(), self.processor, *how)
        return direct(player, games, self.rl.reward.gate, self.checkpoints / "direct.json")

    def trainer(self) -> SeeingTrainer:
        """TRL's trainer, taken up where checkpoints were left."""
        self.stop.take_up(reached(self.checkpoints))
        scored: Any = self.reward
        environment: Any = partial(Clips, self.given.every, self.shown, self.budget)
        rows = [{"prompt": unasked(), "question": q.id} for q in self.given.asked]
        trainer = SeeingTrainer(
            model=self.net,
            reward_funcs=[scored],
            args=self.args,
            train_dataset=Dataset.from_list(rows),
            processing_class=self.processor,
            environment_factory=environment,
            peft_config=lora(self.rl.tuning),
            callbacks=[Seal(), self.stop, Watch("rl")],
            sight=self.rl.sight,
            proofs=self.proofs,
        )
        held_by(trainer, self.student.parallel)
        if self.rl.vllm.mode != "none":
            self.proof.engine = trainer.vllm_generation
            trainer.add_callback(self.proof)
        return trainer

    def leave(self, draft: Path, start: Path) -> None:
        """Put terms, rollouts and proofs beside the model."""
        licence.mark(draft, held(self.given), start)
        write(draft / ROLLOUTS, Rollout, collected(self.played, self.rl.steps))
        self.proof.leave(draft)
        leave_proof(draft / PROOF, told(self.proofs, self.rl.steps, self.rl.sight))


def openings(
    questions: Sequence[Question],
    shown: Mapping[str, Reel],
    budget: Budget,
    processor: FramesProcessor,
) -> list[Prompt]:
    """What rollouts of these questions begin with: first frames and question."""
    seen = ((q, shown[q.clip]) for q in questions)
    talks = ((q, asked(q, pictured(Viewing(reel, budget).open(), reel))) for q, reel in seen)
    return [prompt_of(q.id, talk, processor) for q, talk in talks]


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
