"""RL sees the very tokens of SFT, and judges by the very scores of the evaluation."""

from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers.utils import get_json_schema

from tests.student.conftest import BUDGET, Kit, Taught, rl, scripted
from tests.world import HOSTILE
from touchline.student.collator import TrajectoryCollator
from touchline.student.conversation import TOOLS, assistant_turns
from touchline.student.environment import ASSISTANT, Clips, Reward, spoken_turns
from touchline.tools.choose_frames import Viewing, called
from touchline.tools.turns import thinking


def test_the_tools_schema_is_the_same_in_sft_and_rl():
    (tool,) = TOOLS
    assert get_json_schema(Clips({}, {}, BUDGET).choose_frames) == get_json_schema(tool)


def of_calls(kit: Kit, calls: int) -> Taught:
    return next(t for t in kit.taught if len(t.trajectory.windows) == 2 * calls)


@pytest.mark.parametrize("calls", [0, 1, 2])
def test_rl_builds_the_token_ids_of_sft_turn_by_turn(kit: Kit, tmp_path: Path, calls: int):
    taught = of_calls(kit, calls)
    turns = assistant_turns(taught.messages)
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


def judged(kit: Kit, taught: Taught, turns: list[str], windows: int) -> tuple[float, dict]:
    """The reward of real token ids, with the tool's turns between the model's."""
    tool = "<|im_start|>user\n<tool_response>\n</tool_response><|im_end|>\n"
    between = f"<|im_end|>\n{tool}{ASSISTANT}"
    ids = kit.processor.tokenizer(between.join(turns) + "<|im_end|>")["input_ids"]
    viewing = Viewing(taught.reel, BUDGET)
    for start in range(windows):
        viewing.call(start, start + 9)
    environment: Any = Clips({}, {}, BUDGET)
    environment._viewing = viewing
    logged: dict[str, float] = {}
    reward = Reward({taught.question.id: taught.question}, kit.processor, rl().reward)
    (earned,) = reward([ids], [environment], [taught.question.id], logged.__setitem__)
    return earned, logged


def test_completions_earn_what_the_rule_says(kit: Kit):
    taught, rule = of_calls(kit, 1), rl().reward
    call, right = thinking("I look.", called(0, 9)), thinking("So.", taught.question.truth)
    wrong = thinking("So.", "I do not know.")
    assert judged(kit, taught, [call, right], 1)[0] == pytest.approx(1 + rule.bonus)
    assert judged(kit, taught, [call, wrong], 1)[0] == pytest.approx(rule.consolation)
    assert judged(kit, taught, [right], 0) == (1, {"format": 1, "accuracy": 1, "tool_rate": 0})
    assert judged(kit, taught, [wrong], 0)[0] == 0
    assert judged(kit, taught, [taught.question.truth], 0)[0] == -rule.penalty
    assert judged(kit, taught, [call], 1)[0] == -rule.penalty


@pytest.mark.parametrize("text", [t for t in HOSTILE if t != "\ud800"], ids=lambda t: repr(t)[:20])
def test_hostile_completions_earn_the_penalty(kit: Kit, text: str):
    taught = of_calls(kit, 1)
    assert judged(kit, taught, [text], 0)[0] == -rl().reward.penalty


def test_a_refused_call_breaks_the_format_even_under_a_right_answer(kit: Kit):
    taught = of_calls(kit, 1)
    right = thinking("So.", taught.question.truth)
    call = thinking("I look.", called(0, 9))
    assert judged(kit, taught, [call, call, call, right], BUDGET.calls + 1)[0] < 0


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
    turn = thinking("I look.", f"<tool_call>\n{call}\n</tool_call>")
    trainer = scripted(kit, kit.net, taught, [turn, "<think>\nx\n</think>\n\nyes"], tmp_path)
    made = trainer._generate_and_score_completions([dict(trainer.train_dataset[0])] * 2)
    tokens = torch.cat([made["prompt_ids"], made["completion_ids"]], 1)
    pictures = (tokens == kit.processor.image_token_id).sum()
    assert int(pictures) * 4 == len(made["pixel_values"])


def test_turns_of_a_completion_are_told_apart():
    text = "one<|im_end|>\n<|im_start|>user\nx<|im_end|>\n<|im_start|>assistant\ntwo<|im_end|>"
    assert spoken_turns(text) == ["one", "two"]
    assert spoken_turns("") == [""]


def test_an_environment_starts_afresh_for_every_rollout(kit: Kit):
    one, two = kit.taught[0], kit.taught[-1]
    questions = {t.question.id: t.question for t in (one, two)}
    environment = Clips(questions, kit.reels(), BUDGET)
    shown = []
    for taught in (one, two, one):
        shown.append(environment.reset(question=taught.question.id, prompt="ignored"))
        environment.choose_frames("0:00", "0:20")
        assert environment._viewing.windows == [(0, 20)]
    assert [len(a) == len(b) for a, b in pairwise(shown)] == [True, True]
    texts = [[block.get("text") for block in blocks] for blocks in shown]
    assert texts[0] == texts[2]
