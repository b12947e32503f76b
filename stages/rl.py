"""Stage: train the student with TRL's GRPO and the frame tool; records rewards and the vision
proof.
"""

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
from touchline.model.load import freeze_model_parts, load_model_and_processor, seed_everything
from touchline.model.params import StudentParams
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
from touchline.train.trainer_keys import check_trainer_keys
from touchline.video.frame_store import FrameStore

ROLLOUTS_FILE = "rollouts.parquet"  # beside the model


class RlParams(Params):
    """Params section `rl`."""

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
    """Questions and clips of an RL training."""

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
    check_trainer_keys("rl", rl.model_dump())
    # Data
    rl_questions = select_rl_questions(clips, questions)
    counts = {"questions": len(rl_questions.with_frames), "without_frames": rl_questions.left_out}
    rules = ReplayRules(budget=budget, reward=rl.reward, turn_tokens=rl.turn_tokens)
    if rl.steps == 0:
        write_untrained_rl_model(rl, rl_questions, rules, start, model)
        return {**counts, "steps": 0}
    if not dialogue.thinks:
        wrong = f"{dialogue.style} has no thoughts and no tool to reinforce"
        raise InputError("dialogue.style", wrong, "set rl.steps to 0, or the style to thinking")

    seed_everything(rl.seed, student.threads)
    with launch_ranks(student.processes):
        # Model
        net, processor = load_model_and_processor(start, student.dtype, student.attention)
        freeze_model_parts(net, student.frozen)

        # Training
        frames_by_clip = load_frames_by_clip(FrameStore(frames), clips, budget, dialogue)
        setup = RlSetup(rl, student, budget, rl_questions, frames_by_clip, net, processor)
        trainer = setup.build_trainer()
        train_from_checkpoint(trainer, setup.checkpoints)
        setup.stop.raise_if_stopped(trainer.state.global_step)

        # Save
        weights = gather_full_weights(trainer, student.parallel)
        if is_main_process():
            with atomic_folder(model) as draft:
                save_trained_model(trainer, processor, start, student, weights, draft)
                copy_trained_with(start, draft)
                setup.write_outputs(draft, start)
                write_replay_rules(draft / REPLAY_RULES_FILE, rules)
    easy_count = {"direct": len(setup.easy_questions)} if rl.reward.weights.selective else {}
    return {
        **counts,
        **easy_count,
        "steps": trainer.state.global_step,
        **get_last_rl_metrics(trainer),
    }


def select_rl_questions(clips: Path, questions: Path) -> RlQuestions:
    """Load the train questions whose clips have frames. Raises InputError if there are none."""
    questions_by_id = index_by_id(read_records(questions / "questions.parquet", Question))
    train_questions = [q for q in questions_by_id.values() if q.split == "train"]
    if not train_questions:
        raise InputError(questions, "no question is in the train split", "raise ask.shares.train")
    clips_with_frames = {c.id: c for c in read_records(clips / "clips.parquet", Clip) if c.frames}
    with_frames = [q for q in train_questions if q.clip in clips_with_frames]
    if not with_frames:
        raise InputError(
            questions, f"not one of {len(train_questions)} questions has frames", NO_FRAMES
        )
    return RlQuestions(
        questions_by_id, with_frames, clips_with_frames, len(train_questions) - len(with_frames)
    )


def write_untrained_rl_model(
    rl: RlParams, rl_questions: RlQuestions, rules: ReplayRules, start: Path, model: Path
) -> None:
    """Write the model of an RL stage with 0 steps: the start model, no rollouts, an empty vision
    proof.
    """
    with atomic_folder(model) as draft:
        copy_untrained_model(start, draft)
        licence.write_product_terms(draft, collect_question_terms(rl_questions), start)
        write_records(draft / ROLLOUTS_FILE, Rollout, [])
        write_vision_proof(draft / VISION_PROOF_FILE, summarize_vision_proof(draft, 0, rl.sight))
        write_replay_rules(draft / REPLAY_RULES_FILE, rules)


def collect_question_terms(rl_questions: RlQuestions) -> licence.SourceTerms:
    """The terms of the sources that the questions are about."""
    return licence.collect_source_terms(
        rl_questions.clips_with_frames[q.clip] for q in rl_questions.with_frames
    )


class RlSetup:
    """Everything an RL training needs beside the model: reward, early stop, proofs and their
    folders.
    """

    def __init__(
        self,
        rl: RlParams,
        student: StudentParams,
        budget: FrameBudget,
        questions: RlQuestions,
        frames_by_clip: Mapping[str, ClipFrames],
        net: Any,
        processor: FramesProcessor,
    ) -> None:
        self.rl, self.student, self.budget, self.questions = rl, student, budget, questions
        self.frames_by_clip, self.net, self.processor = frames_by_clip, net, processor
        self.checkpoints, suppressed_tokens = (
            ensure_checkpoint_folder("rl"),
            list_vision_token_ids(processor),
        )
        self.args = build_grpo_config(
            rl,
            budget,
            suppressed_tokens,
            self.checkpoints,
            **build_parallel_arguments(student.parallel),
        )
        self.easy_questions = self._find_easy_questions()
        self.rollout_folder, group_size = (
            self.checkpoints / "rollouts",
            self.args.num_generations or 1,
        )
        self.reward = RolloutReward(
            questions.by_id,
            processor,
            rl.reward,
            group_size,
            self.rollout_folder,
            self.easy_questions,
        )
        self.stop, self.vision_proof_folder = (
            StopHopelessRlCallback(self.reward, rl.stop),
            self.checkpoints / "sight",
        )
        parity_questions = questions.with_frames[: rl.vllm.parity.prompts]
        prompts = partial(build_parity_prompts, parity_questions, frames_by_clip, budget, processor)
        self.vllm_parity = VllmParityCallback(
            rl.vllm.parity, prompts, processor, suppressed_tokens, self.checkpoints
        )

    def _find_easy_questions(self) -> Set[str]:
        """Ids of questions that the start model answers without a call, for the selective reward;
        otherwise empty.
        """
        if not self.rl.reward.weights.selective:
            return set()
        items = [(q, self.frames_by_clip[q.clip]) for q in self.questions.with_frames]
        first_frames_only = self.budget.model_copy(
            update={"calls": 0}
        )  # the first frames and no others
        generation_settings = (
            first_frames_only,
            self.rl.turn_tokens,
            self.args.per_device_train_batch_size,
        )
        player = ConversationGenerator(self.net.eval(), self.processor, *generation_settings)
        return find_easy_questions(
            player, items, self.rl.reward.gate, self.checkpoints / "direct.json"
        )

    def build_trainer(self) -> VisionProofTrainer:
        """Build TRL's trainer, with the early stop resumed from existing checkpoints."""
        self.stop.resume_at(find_resume_step(self.checkpoints))
        reward_function: Any = self.reward
        environment: Any = partial(
            ClipEnvironment, self.questions.by_id, self.frames_by_clip, self.budget
        )
        rows = [
            {"prompt": build_empty_prompt(), "question": q.id} for q in self.questions.with_frames
        ]
        trainer = VisionProofTrainer(
            model=self.net,
            reward_funcs=[reward_function],
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
        """Write terms, rollouts, vLLM parity result and vision proof beside the model."""
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
    frames_by_clip: Mapping[str, ClipFrames],
    budget: FrameBudget,
    processor: FramesProcessor,
) -> list[ParityPrompt]:
    """The prompts (first frames and question) on which vLLM and the trainer are compared."""
    with_frames = ((q, frames_by_clip[q.clip]) for q in questions)
    conversations = (
        (q, build_messages(q, fetch_block_images(ToolSession(reel, budget).open(), reel)))
        for q, reel in with_frames
    )
    return [build_parity_prompt(q.id, messages, processor) for q, messages in conversations]


def build_grpo_config(
    rl: RlParams,
    budget: FrameBudget,
    suppressed_tokens: list[int],
    checkpoints: Path,
    **extra_arguments: Any,
) -> GRPOConfig:
    """GRPOConfig of our fixed settings; everything in `rl.trainer` is passed on."""
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
        **build_generation_arguments(rl.vllm, rl.turn_tokens, suppressed_tokens),
        log_completions=False,  # TRL 1.16 cannot write completions that hold pictures
        mask_truncated_completions=False,  # breaks rows of unlike picture counts in TRL 1.16
        **extra_arguments,
        **rl.trainer,
    )


def get_last_rl_metrics(trainer: VisionProofTrainer) -> dict[str, float]:
    """The last logged reward metrics."""
    logged_steps = [entry for entry in trainer.state.log_history if "reward" in entry]
    names = ("reward", "accuracy", "format", "tool_rate", "groups/no_signal", "groups/phantom")
    return {
        name: float(logged_steps[-1][name])
        for name in names
        if logged_steps and name in logged_steps[-1]
    }


if __name__ == "__main__":
    run_stage(main)
