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
from touchline.atomic import atomic_folder
from touchline.chat.dialogue import Dialogue
from touchline.chat.messages import (
    NO_FRAMES,
    build_empty_prompt,
    build_messages,
    fetch_block_images,
    load_frames_by_clip,
)
from touchline.chat.tools.choose_frames import ClipFrames, FrameBudget, ToolSession
from touchline.config import Params, run_stage
from touchline.errors import InputError
from touchline.model.generate import ConversationGenerator
from touchline.model.load import (
    StudentParams,
    freeze_model_parts,
    load_model_and_processor,
    seed_everything,
)
from touchline.model.processor import FramesProcessor, list_vision_token_ids
from touchline.model.trained_with import copy_trained_with
from touchline.records.clip import Clip
from touchline.records.question import Question
from touchline.records.rollout import Rollout
from touchline.records.table import index_by_id, read_records, write_records
from touchline.state_dirs import ensure_checkpoint_folder
from touchline.train.checkpoints import (
    MarkCompleteCallback,
    find_resume_step,
    train_from_checkpoint,
)
from touchline.train.distributed import (
    build_parallel_arguments,
    gather_full_weights,
    is_main_process,
    launch_ranks,
    require_parallel_kind,
)
from touchline.train.rl.early_stop import StopHopelessRlCallback, StopLimits
from touchline.train.rl.easy_questions import find_easy_questions
from touchline.train.rl.environment import ClipEnvironment
from touchline.train.rl.replay import REPLAY_RULES_FILE, ReplayRules, write_replay_rules
from touchline.train.rl.reward_fn import RolloutReward, read_step_rollouts
from touchline.train.rl.rewards.rule import RewardParams
from touchline.train.rl.trainer import VisionProofTrainer
from touchline.train.rl.vision_proof import (
    VISION_PROOF_FILE,
    VisionProofParams,
    summarize_vision_proof,
    write_vision_proof,
)
from touchline.train.rl.vllm_parity import (
    ParityPrompt,
    VllmParams,
    VllmParityCallback,
    build_generation_arguments,
    build_parity_prompt,
)
from touchline.train.setup import (
    TrainingProgressCallback,
    TuningParams,
    build_lora_config,
    copy_untrained_model,
    get_report_targets,
    save_trained_model,
)
from touchline.video.frame_store import FrameStore

ROLLOUTS_FILE = "rollouts.parquet"  # beside the model


class RlParams(Params):
    seed: int
    steps: int
    lr: float
    turn_tokens: int  # at most so many new tokens per turn
    vllm: VllmParams
    tuning: TuningParams
    reward: RewardParams
    sight: VisionProofParams
    stop: StopLimits
    trainer: dict[str, Any]  # goes whole to GRPOConfig


@dataclass(frozen=True)
class RlQuestions:
    """The questions of the train split, those to be asked, and the clips that have frames."""

    by_id: Mapping[str, Question]
    with_frames: list[Question]
    clips_with_frames: Mapping[str, Clip]
    left_out: int  # for want of frames


def main(
    rl: RlParams,
    student: StudentParams,
    budget: FrameBudget,
    dialogue: Dialogue,
    clips: Path,
    questions: Path,
    frames: Path,
    start: Path,
    model: Path,
) -> dict[str, float]:
    # Data
    given = select_rl_questions(clips, questions)
    told_of = {"questions": len(given.with_frames), "without_frames": given.left_out}
    rules = ReplayRules(budget=budget, reward=rl.reward, turn_tokens=rl.turn_tokens)
    if rl.steps == 0:
        write_untrained_rl_model(rl, given, rules, start, model)
        return {**told_of, "steps": 0}
    if not dialogue.thinks:
        wrong = f"{dialogue.style} has no thoughts and no tool to reinforce"
        raise InputError("dialogue.style", wrong, "set rl.steps to 0, or the style to thinking")

    seed_everything(rl.seed, student.threads)
    with launch_ranks(student.processes):
        # Model
        net, processor = load_model_and_processor(start, student.dtype, student.attention)
        freeze_model_parts(net, student.frozen)

        # Training
        shown = load_frames_by_clip(FrameStore(frames), clips, budget, dialogue)
        practice = RlSetup(rl, student, budget, given, shown, net, processor)
        trainer = practice.build_trainer()
        train_from_checkpoint(trainer, practice.checkpoints)
        practice.stop.raise_if_stopped(trainer.state.global_step)

        # Save
        weights = gather_full_weights(trainer, student.parallel)
        if is_main_process():
            with atomic_folder(model) as draft:
                save_trained_model(trainer, processor, start, student, weights, draft)
                copy_trained_with(start, draft)
                practice.write_outputs(draft, start)
                write_replay_rules(draft / REPLAY_RULES_FILE, rules)
    direct_too = {"direct": len(practice.easy_questions)} if rl.reward.weights.selective else {}
    return {
        **told_of,
        **direct_too,
        "steps": trainer.state.global_step,
        **get_last_rl_metrics(trainer),
    }


def select_rl_questions(clips: Path, questions: Path) -> RlQuestions:
    """What RL may ask; a `InputError` where that is nothing."""
    every = index_by_id(read_records(questions / "questions.parquet", Question))
    asked_of = [q for q in every.values() if q.split == "train"]
    if not asked_of:
        raise InputError(questions, "no question is in the train split", "raise ask.shares.train")
    here = {c.id: c for c in read_records(clips / "clips.parquet", Clip) if c.frames}
    seen = [q for q in asked_of if q.clip in here]
    if not seen:
        raise InputError(questions, f"not one of {len(asked_of)} questions has frames", NO_FRAMES)
    return RlQuestions(every, seen, here, len(asked_of) - len(seen))


def write_untrained_rl_model(
    rl: RlParams, given: RlQuestions, rules: ReplayRules, start: Path, model: Path
) -> None:
    """The model as it was, and that nothing was proved."""
    with atomic_folder(model) as draft:
        copy_untrained_model(start, draft)
        licence.write_product_terms(draft, collect_question_terms(given), start)
        write_records(draft / ROLLOUTS_FILE, Rollout, [])
        write_vision_proof(draft / VISION_PROOF_FILE, summarize_vision_proof(draft, 0, rl.sight))
        write_replay_rules(draft / REPLAY_RULES_FILE, rules)


def collect_question_terms(given: RlQuestions) -> licence.SourceTerms:
    """The terms of what is asked about."""
    return licence.collect_source_terms(given.clips_with_frames[q.clip] for q in given.with_frames)


class RlSetup:
    """All that a training plays by, beside the model: rewards, ends, proofs, and where they lie."""

    def __init__(
        self,
        rl: RlParams,
        student: StudentParams,
        budget: FrameBudget,
        given: RlQuestions,
        shown: Mapping[str, ClipFrames],
        net: Any,
        processor: FramesProcessor,
    ) -> None:
        self.rl, self.student, self.budget, self.questions = rl, student, budget, given
        self.frames_by_clip, self.net, self.processor = shown, net, processor
        self.checkpoints, never = ensure_checkpoint_folder("rl"), list_vision_token_ids(processor)
        self.args = build_grpo_config(
            rl, budget, never, self.checkpoints, **build_parallel_arguments(student.parallel)
        )
        self.easy_questions = self._find_easy_questions()
        self.rollout_folder, size = self.checkpoints / "rollouts", self.args.num_generations or 1
        self.reward = RolloutReward(
            given.by_id, processor, rl.reward, size, self.rollout_folder, self.easy_questions
        )
        self.stop, self.vision_proof_folder = (
            StopHopelessRlCallback(self.reward, rl.stop),
            self.checkpoints / "sight",
        )
        some = given.with_frames[: rl.vllm.parity.prompts]
        prompts = partial(build_parity_prompts, some, shown, budget, processor)
        self.vllm_parity = VllmParityCallback(
            rl.vllm.parity, prompts, processor, never, self.checkpoints
        )

    def _find_easy_questions(self) -> Set[str]:
        """What is answered without a call before RL: there the selective reward pays for none."""
        if not self.rl.reward.weights.selective:
            return set()
        games = [(q, self.frames_by_clip[q.clip]) for q in self.questions.with_frames]
        alone = self.budget.model_copy(update={"calls": 0})  # the first frames and no others
        how = alone, self.rl.turn_tokens, self.args.per_device_train_batch_size
        player = ConversationGenerator(self.net.eval(), self.processor, *how)
        return find_easy_questions(
            player, games, self.rl.reward.gate, self.checkpoints / "direct.json"
        )

    def build_trainer(self) -> VisionProofTrainer:
        """TRL's trainer, taken up where checkpoints were left."""
        self.stop.resume_at(find_resume_step(self.checkpoints))
        scored: Any = self.reward
        environment: Any = partial(
            ClipEnvironment, self.questions.by_id, self.frames_by_clip, self.budget
        )
        rows = [
            {"prompt": build_empty_prompt(), "question": q.id} for q in self.questions.with_frames
        ]
        trainer = VisionProofTrainer(
            model=self.net,
            reward_funcs=[scored],
            args=self.args,
            train_dataset=Dataset.from_list(rows),
            processing_class=self.processor,
            environment_factory=environment,
            peft_config=build_lora_config(self.rl.tuning),
            callbacks=[MarkCompleteCallback(), self.stop, TrainingProgressCallback("rl")],
            sight=self.rl.sight,
            proofs=self.vision_proof_folder,
        )
        require_parallel_kind(trainer, self.student.parallel)
        if self.rl.vllm.mode != "none":
            self.vllm_parity.engine = trainer.vllm_generation
            trainer.add_callback(self.vllm_parity)
        return trainer

    def write_outputs(self, draft: Path, start: Path) -> None:
        """Put terms, rollouts and proofs beside the model."""
        licence.write_product_terms(draft, collect_question_terms(self.questions), start)
        write_records(
            draft / ROLLOUTS_FILE, Rollout, read_step_rollouts(self.rollout_folder, self.rl.steps)
        )
        self.vllm_parity.copy_result(draft)
        write_vision_proof(
            draft / VISION_PROOF_FILE,
            summarize_vision_proof(self.vision_proof_folder, self.rl.steps, self.rl.sight),
        )


def build_parity_prompts(
    questions: Sequence[Question],
    shown: Mapping[str, ClipFrames],
    budget: FrameBudget,
    processor: FramesProcessor,
) -> list[ParityPrompt]:
    """What rollouts of these questions begin with: first frames and question."""
    seen = ((q, shown[q.clip]) for q in questions)
    talks = (
        (q, build_messages(q, fetch_block_images(ToolSession(reel, budget).open(), reel)))
        for q, reel in seen
    )
    return [build_parity_prompt(q.id, talk, processor) for q, talk in talks]


def build_grpo_config(
    rl: RlParams, budget: FrameBudget, never: list[int], checkpoints: Path, **more: Any
) -> GRPOConfig:
    """Our fixed choices; `rl.trainer` holds every knob that may be turned."""
    return GRPOConfig(
        output_dir=str(checkpoints),
        seed=rl.seed,
        max_steps=rl.steps,
        learning_rate=rl.lr,
        report_to=get_report_targets(),
        disable_tqdm=True,  # Watch says how far it is
        use_cpu=not torch.cuda.is_available(),
        max_tool_calling_iterations=budget.calls + 1,
        # Pictures behind vision tokens that a model made up do not exist: never sample them.
        **build_generation_arguments(rl.vllm, rl.turn_tokens, never),
        log_completions=False,  # TRL 1.16 cannot write completions that hold pictures
        mask_truncated_completions=False,  # breaks rows of unlike picture counts in TRL 1.16
        **more,
        **rl.trainer,
    )


def get_last_rl_metrics(trainer: VisionProofTrainer) -> dict[str, float]:
    """The reward's parts over the last logged steps."""
    logged = [entry for entry in trainer.state.log_history if "reward" in entry]
    names = ("reward", "accuracy", "format", "tool_rate", "groups/no_signal", "groups/phantom")
    return {name: float(logged[-1][name]) for name in names if logged and name in logged[-1]}


if __name__ == "__main__":
    run_stage(main)
