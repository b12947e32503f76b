"""One tiny student for all tests of the room.

Torch, transformers and TRL cost 20 CPU seconds to import: a test imports them when it runs, so
that those who only collect or run other tests do not pay.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.world import BUDGETS, asked_of, reel_of
from touchline.chat.tools.choose_frames import ClipFrames
from touchline.config import load_params_section
from touchline.records.question import Question
from touchline.records.trajectory import Trajectory
from touchline.sports import SPORTS
from touchline.tasks import TASKS
from touchline.teacher.scripted import build_scripted_trajectory

if TYPE_CHECKING:
    from stages.rl import RlParams
    from touchline.model.params import StudentParams
    from touchline.model.processor import FramesProcessor

PARAMS = Path(__file__).parents[2] / "params.yaml"
BUDGET = BUDGETS["tiny"]
BATCH = {"per_device_train_batch_size": 2, "num_generations": 2}


@dataclass(frozen=True)
class Taught:
    question: Question
    reel: ClipFrames
    trajectory: Trajectory

    @property
    def messages(self) -> list[dict]:
        return json.loads(self.trajectory.messages)


@dataclass(frozen=True)
class Kit:
    """A student's folder and what it was built from."""

    folder: Path
    net: Any
    processor: FramesProcessor
    taught: list[Taught]

    def rows(self) -> list[dict]:
        """What the collator is given."""
        return [{"messages": t.trajectory.messages, "clip": t.question.clip} for t in self.taught]

    def reels(self) -> dict[str, ClipFrames]:
        return {t.question.clip: t.reel for t in self.taught}


def lessons(per_task: int) -> list[Taught]:
    """Some trajectories of every task: without a call, with one and with two."""
    found = []
    for task in TASKS:
        every = [
            (build_scripted_trajectory(q, v, reel_of(v), BUDGET), v, q) for v, q in asked_of(task)
        ]
        by_calls = sorted(every, key=lambda one: -len(one[0].windows))
        picked = by_calls[:per_task] + by_calls[-1:]
        found += [Taught(q, reel_of(v), trajectory) for trajectory, v, q in picked]
    return found


def student() -> StudentParams:
    from touchline.model.params import StudentParams

    return load_params_section(StudentParams, "student", PARAMS)


def rl(**changes: Any) -> RlParams:
    from stages.rl import RlParams

    given = load_params_section(RlParams, "rl", PARAMS)
    return given.model_copy(update={"trainer": given.trainer | BATCH} | changes)


@pytest.fixture(scope="session")
def kit(tmp_path_factory: pytest.TempPathFactory) -> Kit:
    from touchline.model.load import load_model_and_processor, seed_everything
    from touchline.model.tiny import build_tiny_model
    from touchline.model.tiny_vocabulary import list_vocabulary_phrases

    folder, taught = tmp_path_factory.mktemp("student") / "tiny", lessons(3)
    blocks = [b for t in taught for m in t.messages for b in m["content"]]
    seed_everything(1, 1)
    build_tiny_model(
        student().tiny,
        sorted({b["text"] for b in blocks if "text" in b}),
        list_vocabulary_phrases(SPORTS),
        folder,
    )
    net, processor = load_model_and_processor(folder, "float32")
    return Kit(folder, net.eval(), processor, taught)


def scripted(
    kit: Kit,
    net: Any,
    taught: Taught,
    turns: Sequence[str | Sequence[str]],
    folder: Path,
    params: RlParams | None = None,
) -> Any:
    """The trainer of RL, rollouts of one question in which the model's turns are given.

    A turn is the same for all rollouts, or one for each.
    """
    from datasets import Dataset

    from stages.rl import build_grpo_config
    from touchline.model.processor import list_vision_token_ids
    from touchline.train.rl.environment import ClipEnvironment
    from touchline.train.rl.reward_fn import RolloutReward
    from touchline.train.rl.trainer import VisionProofTrainer

    class Scripted(VisionProofTrainer):
        round = 0
        prompts: list[list[int]] | None = None

        def _generate_single_turn(self, prompt_ids: Any, *_: Any, **__: Any) -> Any:
            self.prompts = self.prompts or [list(ids) for ids in prompt_ids]
            turn = turns[min(self.round, len(turns) - 1)]
            self.round += 1
            said = [turn] * len(prompt_ids) if isinstance(turn, str) else turn
            ids = [kit.processor.tokenizer(f"{words}<|im_end|>")["input_ids"] for words in said]
            return [list(one) for one in ids], None

    questions = {taught.question.id: taught.question}
    given = params or rl()
    size = given.trainer["num_generations"]
    reward: Any = RolloutReward(
        questions, kit.processor, given.reward, size, folder / "rollouts", set()
    )

    def environment() -> ClipEnvironment:
        return ClipEnvironment(questions, {taught.question.clip: taught.reel}, BUDGET)

    from touchline.chat.messages import build_empty_prompt

    return Scripted(
        model=net,
        reward_funcs=[reward],
        args=build_grpo_config(given, BUDGET, list_vision_token_ids(kit.processor), folder),
        train_dataset=Dataset.from_list(
            [{"prompt": build_empty_prompt(), "question": taught.question.id}]
        ),
        processing_class=kit.processor,
        environment_factory=environment,
        sight=given.sight,
        proofs=folder / "sight",
    )
