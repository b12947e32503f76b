"""vLLM is trusted only after it said what transformers says; here transformers plays both."""

import copy
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.train.conftest import BUDGET, Kit
from touchline.chat.messages import build_messages, fetch_block_images
from touchline.chat.tools.choose_frames import ToolSession
from touchline.errors import InputError
from touchline.model.processor import list_vision_token_ids
from touchline.train.rl.vllm_parity import (
    PARITY_FILE,
    ParityParams,
    ParityPrompt,
    PromptComparison,
    TransformersGenerator,
    VllmGenerator,
    VllmParityCallback,
    build_parity_prompt,
    compare_generators,
    require_parity,
    summarize_parity,
)

PARITY = ParityParams(prompts=3, tokens=12, gap=0.1, share=1.0)


@pytest.fixture(scope="module")
def prompts(kit: Kit) -> list[ParityPrompt]:
    talks = [
        build_messages(t.question, fetch_block_images(ToolSession(t.reel, BUDGET).open(), t.reel))
        for t in kit.taught[:3]
    ]
    return [build_parity_prompt(f"q{i}", talk, kit.processor) for i, talk in enumerate(talks)]


def student(kit: Kit, net: Any = None) -> TransformersGenerator:
    return TransformersGenerator(
        net or kit.net, kit.processor, list_vision_token_ids(kit.processor)
    )


def perturbed(kit: Kit) -> Any:
    net = copy.deepcopy(kit.net)
    torch.manual_seed(3)
    with torch.no_grad():
        for weight in net.parameters():
            weight.add_(torch.randn_like(weight) * 0.3)
    return net


def test_the_same_weights_say_the_same_of_frames(kit: Kit, prompts: list[ParityPrompt]) -> None:
    rows = compare_generators(student(kit), student(kit), prompts, 12)
    assert summarize_parity(rows, PARITY)["equal"] == 1.0
    assert all(row.frames == BUDGET.first and row.parts_at is None for row in rows)


def test_other_weights_are_refused_and_the_outcome_is_written(
    kit: Kit, prompts: list[ParityPrompt], tmp_path: Path
) -> None:
    file = tmp_path / PARITY_FILE
    with pytest.raises(InputError, match=r"of 3 prompts, ties counted in, and 100% must be; see"):
        require_parity(
            student(kit), student(kit, perturbed(kit)), prompts, PARITY, file, writes=True
        )
    found = json.loads(file.read_text())
    assert found["equal_but_ties"] < 1 and found["widest_gap"] > PARITY.gap
    assert [row["prompt"] for row in found["rows"]] == ["q0", "q1", "q2"]


def test_another_dtype_is_reported_with_how_near_a_tie_it_was(
    kit: Kit, prompts: list[ParityPrompt], tmp_path: Path
) -> None:
    half = copy.deepcopy(kit.net).to(torch.bfloat16)
    kind = PARITY.model_copy(update={"share": 0.0})
    found = require_parity(
        student(kit), student(kit, half), prompts, kind, tmp_path / PARITY_FILE, writes=True
    )
    told = json.loads((tmp_path / PARITY_FILE).read_text())
    assert told["other"] == "transformers bfloat16" and told["reference"] == "transformers float32"
    assert told["widest_gap"] == found["widest_gap"] < 2.0
    assert all((row["gap"] is None) == (row["parts_at"] is None) for row in told["rows"])


def test_the_gap_is_that_of_the_tokens_that_part(kit: Kit, prompts: list[ParityPrompt]) -> None:
    reference = student(kit)
    (said,) = reference(prompts[:1], 3)
    batch_end = reference.logprob_gap(prompts[0], said[:2], said[2], said[2])
    assert batch_end == 0.0
    others = range(len(kit.processor.tokenizer))
    banned = list_vision_token_ids(kit.processor)
    gaps = [
        reference.logprob_gap(prompts[0], said[:2], said[2], o)
        for o in others[5:12]
        if o not in banned
    ]
    assert min(gaps) >= 0  # greedy: no allowed token was likelier


def row(at: int | None, gap: float | None) -> PromptComparison:
    return PromptComparison("q", 9, 2, 5, at, gap)


def test_a_tie_counts_and_an_answer_cut_short_does_not() -> None:
    found = summarize_parity([row(None, None), row(3, 0.05), row(3, 0.5), row(2, None)], PARITY)
    assert found["equal"] == 0.25 and found["equal_but_ties"] == 0.5 and found["widest_gap"] == 0.5


def test_no_prompt_proves_nothing(kit: Kit, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no prompt to compare"):
        require_parity(student(kit), student(kit), [], PARITY, tmp_path / PARITY_FILE, writes=True)


class Engine:
    """What TRL's rollouts call, with transformers inside; vLLM cannot run here."""

    mode = "colocate"

    def __init__(self, inside: TransformersGenerator, prompts: Sequence[ParityPrompt]) -> None:
        self.inside, self.known = inside, {tuple(p.ids): p for p in prompts}
        self.temperature, self.generation_kwargs = 1.0, {"max_tokens": 80, "logit_bias": {1: -100}}
        self.synced = 0

    def sync_weights(self) -> None:
        self.synced += 1

    def generate(self, prompts: Any, images: Any, num_generations: int) -> Any:
        assert self.temperature == 0.0 and self.synced and num_generations == 1
        assert [len(one) for one in images] == [BUDGET.first] * len(prompts)
        given = [self.known[tuple(ids)] for ids in prompts]
        said = self.inside(given, self.generation_kwargs["max_tokens"])
        return prompts, said, [[[0.0]] for _ in said], None


def test_rollouts_are_asked_greedily_and_left_as_they_were(
    kit: Kit, prompts: list[ParityPrompt], tmp_path: Path
) -> None:
    engine = Engine(student(kit), prompts)
    never = list_vision_token_ids(kit.processor)
    proof = VllmParityCallback(PARITY, lambda: prompts, kit.processor, never, tmp_path)
    proof.engine = engine
    proof.on_train_begin(None, None, None, model=kit.net)
    assert engine.temperature == 1.0 and engine.generation_kwargs["max_tokens"] == 80
    beside = tmp_path / "model"
    beside.mkdir()
    proof.copy_result(beside)
    assert json.loads((beside / PARITY_FILE).read_text())["equal"] == 1.0
    assert VllmGenerator(engine).name == "vLLM (colocate)"
