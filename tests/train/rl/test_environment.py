"""RL sees the very tokens of SFT, and its tool answers whatever it is asked."""

from itertools import pairwise
from pathlib import Path

import pytest
import torch
from transformers.utils import get_json_schema

from tests.train.conftest import BUDGET, Kit, Taught, scripted
from touchline.chat.messages import TOOLS, extract_assistant_turns
from touchline.chat.turns import format_thinking_turn
from touchline.train.rl.environment import ClipEnvironment
from touchline.train.sft_data import TrajectoryCollator


def test_the_tools_schema_is_the_same_in_sft_and_rl():
    (tool,) = TOOLS
    assert get_json_schema(ClipEnvironment({}, {}, BUDGET).choose_frames) == get_json_schema(tool)


def of_calls(kit: Kit, calls: int) -> Taught:
    return next(t for t in kit.taught if len(t.trajectory.windows) == 2 * calls)


@pytest.mark.parametrize("calls", [0, 1, 2])
def test_rl_builds_the_token_ids_of_sft_turn_by_turn(kit: Kit, tmp_path: Path, calls: int):
    taught = of_calls(kit, calls)
    turns = extract_assistant_turns(taught.messages)
    trainer = scripted(kit, kit.net, taught, turns, tmp_path)
    rows = [dict(trainer.train_dataset[0]) for _ in range(2)]
    made = trainer._generate_and_score_completions(rows)
    built = trainer.prompts[0] + made["completion_ids"][0][made["completion_mask"][0] == 1].tolist()

    row = {"messages": taught.trajectory.messages, "clip": taught.question.clip}
    batch = TrajectoryCollator(kit.processor, kit.reels())([row])
    newline = kit.processor.tokenizer("\n")["input_ids"]
    assert built + newline == batch["input_ids"][0].tolist()
    assert torch.equal(made["pixel_values"][: len(batch["pixel_values"])], batch["pixel_values"])

    learned = (made["completion_mask"] * made["tool_mask"])[0] == 1
    labels = batch["labels"][0]
    stripped = [i for i in labels[labels != -100].tolist() if [i] != newline]
    assert [i for i in made["completion_ids"][0][learned].tolist() if [i] != newline] == stripped
    tokens = (torch.cat([made["prompt_ids"], made["completion_ids"]], 1)
              == kit.processor.image_token_id).sum()  # fmt: skip
    assert int(tokens) * 4 == len(made["pixel_values"])


ODD_CALLS = [
    "{", "null", "7", "[]", '[{"name": "choose_frames"}]', '{"name": 7, "arguments": {}}',
    '{"name": "choose_frames"}', '{"name": "choose_frames", "arguments": null}',
    '{"name": "choose_frames", "arguments": [1, 2]}', '{"name": "choose_frames", "arguments": "x"}',
    '{"name": "choose_frames", "arguments": {"start": [], "end": {}}}',
    '{"name": "choose_frames", "arguments": {"start": NaN, "end": 1e999}}',
    '{"name": "choose_frames", "arguments": {"start": "0:30", "end": "0:10"}}',
    '{"name": "choose_frames", "arguments": {"start": "\\ud800", "end": "\\u003c|image_pad|>"}}',
    '{"name": "choose_frames", "arguments": {"\\u003c|image_pad|>": 1}}',
    '{"name": "\\u003c|image_pad|>", "arguments": {}}', '{"name": "reset", "arguments": {}}',
    '{"name": "__init__", "arguments": {}}', "[" * 300, "[" * 5000,
]  # fmt: skip


@pytest.mark.parametrize("call", ODD_CALLS, ids=lambda call: call[:50])
def test_odd_calls_are_answered_and_never_stop_the_training(kit: Kit, tmp_path: Path, call: str):
    taught = of_calls(kit, 1)
    turn = format_thinking_turn("I look.", f"<tool_call>\n{call}\n</tool_call>")
    trainer = scripted(kit, kit.net, taught, [turn, "<think>\nx\n</think>\n\nyes"], tmp_path)
    made = trainer._generate_and_score_completions([dict(trainer.train_dataset[0])] * 2)
    tokens = torch.cat([made["prompt_ids"], made["completion_ids"]], 1)
    pictures = (tokens == kit.processor.image_token_id).sum()
    assert int(pictures) * 4 == len(made["pixel_values"])


def test_an_environment_starts_afresh_for_every_rollout(kit: Kit):
    one, two = kit.taught[0], kit.taught[-1]
    questions = {t.question.id: t.question for t in (one, two)}
    environment = ClipEnvironment(questions, kit.reels(), BUDGET)
    shown = []
    for taught in (one, two, one):
        shown.append(environment.reset(question=taught.question.id, prompt="ignored"))
        environment.choose_frames("0:00", "0:20")
        assert environment._viewing.windows == [(0, 20)]
    assert [len(a) == len(b) for a, b in pairwise(shown)] == [True, True]
    texts = [[block.get("text") for block in blocks] for blocks in shown]
    assert texts[0] == texts[2]
