"""Rollouts are judged by the evaluation's scores, filtered by outcome, and can be played again."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.train.conftest import BUDGET, Kit, Taught, rl, scripted
from tests.world import HOSTILE
from touchline.chat.messages import build_messages, extract_assistant_turns, fetch_block_images
from touchline.chat.tools.choose_frames import ToolSession, format_tool_call, parse_tool_call
from touchline.chat.turns import ENDINGS, format_thinking_turn
from touchline.records.rollout import Rollout
from touchline.records.table import read_records
from touchline.train.rl.environment import ClipEnvironment
from touchline.train.rl.reward_fn import (
    ASSISTANT_MARK,
    RolloutReward,
    read_step_rollouts,
    split_assistant_turns,
)
from touchline.train.rl.rewards.rule import RewardParams

STATE = SimpleNamespace(global_step=0)
RULE = rl().reward


def of_calls(kit: Kit, calls: int) -> Taught:
    return next(t for t in kit.taught if len(t.trajectory.windows) == 2 * calls)


def judged(
    kit: Kit, taught: Taught, turns: list[str], windows: int, folder: Path
) -> tuple[float, dict]:
    """The reward of real token ids, with the tool's turns between the model's."""
    tool = "<|im_start|>user\n<tool_response>\n</tool_response><|im_end|>\n"
    between = f"<|im_end|>\n{tool}{ASSISTANT_MARK}"
    ids = kit.processor.tokenizer(between.join(turns) + "<|im_end|>")["input_ids"]
    question = taught.question
    environment = ClipEnvironment({question.id: question}, {question.clip: taught.reel}, BUDGET)
    environment.reset(question.id)
    completion: list[dict[str, Any]] = []
    for start in range(windows):
        content = environment.choose_frames(str(start), str(start + 9))
        completion += [{"role": "assistant"}, {"role": "tool", "content": content}]
    logged: dict[str, float] = {}
    reward = RolloutReward({}, kit.processor, RULE, 1, folder, set())
    (earned,) = reward([completion], [ids], [environment], STATE, logged.__setitem__)
    return earned, logged


def test_completions_earn_what_the_rule_says(kit: Kit, tmp_path: Path):
    taught = of_calls(kit, 1)
    call, right = (
        format_thinking_turn("I look.", format_tool_call(0, 9)),
        format_thinking_turn("So.", taught.question.truth),
    )
    wrong = format_thinking_turn("So.", "I do not know.")

    def earned(turns: list[str], windows: int) -> float:
        return judged(kit, taught, turns, windows, tmp_path)[0]

    assert earned([call, right], 1) == pytest.approx(1 + RULE.gated.bonus)
    assert earned([call, wrong], 1) == pytest.approx(RULE.gated.consolation)
    assert earned([right], 0) == 1
    assert earned([wrong], 0) == 0
    assert earned([taught.question.truth], 0) == -RULE.penalty
    assert earned([call], 1) == -RULE.penalty


def test_what_is_logged_is_what_happened(kit: Kit, tmp_path: Path):
    taught = of_calls(kit, 1)
    _, logged = judged(
        kit, taught, [format_thinking_turn("So.", taught.question.truth)], 0, tmp_path
    )
    assert logged == {
        "accuracy": 1, "format": 1, "fresh": 1, "tool_rate": 0, "tool_calls": 0,
        "frames": BUDGET.first, "parts/accuracy": 1, "parts/gated": 0,
        "groups/same_outcome": 1, "groups/no_signal": 1, "groups/phantom": 0,
        **{f"endings/{one}": float(one == "direct") for one in ENDINGS},
    }  # fmt: skip


@pytest.mark.parametrize("text", [t for t in HOSTILE if t != "\ud800"], ids=lambda t: repr(t)[:20])
def test_hostile_completions_earn_the_penalty_and_are_kept(kit: Kit, tmp_path: Path, text: str):
    taught = of_calls(kit, 1)
    assert judged(kit, taught, [text], 0, tmp_path)[0] == -RULE.penalty
    (row,) = read_step_rollouts(tmp_path, 1)
    assert not row.valid
    assert row.ending in set(ENDINGS) - {"looked", "direct"}
    assert row.earned == -RULE.penalty


def test_a_refused_call_breaks_the_format_even_under_a_right_answer(kit: Kit, tmp_path: Path):
    taught = of_calls(kit, 1)
    right = format_thinking_turn("So.", taught.question.truth)
    call = format_thinking_turn("I look.", format_tool_call(0, 9))
    turns = [call, call, call, right]
    assert judged(kit, taught, turns, BUDGET.calls + 1, tmp_path)[0] < 0


def test_turns_of_a_completion_are_told_apart():
    text = "one<|im_end|>\n<|im_start|>user\nx<|im_end|>\n<|im_start|>assistant\ntwo<|im_end|>"
    assert split_assistant_turns(text) == ["one", "two"]
    assert split_assistant_turns("") == [""]


def played(kit: Kit, folder: Path, turns: list[list[str]], **changes: Any) -> tuple[Any, dict]:
    """One step of TRL's own trainer over given turns, in groups of as many as there are turns."""
    size = len(turns[0])
    trainer_args = rl().trainer | {"per_device_train_batch_size": size, "num_generations": size}
    reward = RewardParams(**RULE.model_dump() | changes.pop("reward", {}))
    params = rl(trainer=trainer_args | changes, reward=reward)
    trainer = scripted(kit, kit.net, of_calls(kit, 1), turns, folder, params)
    made = trainer._generate_and_score_completions([dict(trainer.train_dataset[0])] * size)
    return made["advantages"], {n: v[-1] for n, v in trainer._metrics["eval"].items()}


def all_wrong(kit: Kit) -> list[list[str]]:
    """Three wrong answers, of which the first one looked before."""
    call, wrong = (
        format_thinking_turn("I look.", format_tool_call(0, 9)),
        format_thinking_turn("So.", "I do not know."),
    )
    return [[call, wrong, wrong], [wrong]]


@pytest.mark.parametrize("scale", ["none", "group", "batch"])
def test_wrong_answers_get_a_phantom_advantage_that_the_filter_takes_away(
    kit: Kit, tmp_path: Path, scale: str
):
    advantages, logged = played(kit, tmp_path / "none", all_wrong(kit), scale_rewards=scale)
    assert advantages[0] > 0 > advantages[1]
    assert logged["groups/phantom"] == 1
    assert logged["tool_calls"] == pytest.approx(1 / 3)
    outcome = {"filter": "outcome"}
    advantages, logged = played(
        kit, tmp_path / "outcome", all_wrong(kit), scale_rewards=scale, reward=outcome
    )
    assert advantages.tolist() == [0, 0, 0]
    assert logged["groups/phantom"] == 0
    assert logged["groups/no_signal"] == 1
    assert logged["reward"] == pytest.approx(RULE.gated.consolation / 3, abs=1e-3)
    earned = [row.earned for row in read_step_rollouts(tmp_path / "outcome/rollouts", 1)]
    assert earned == pytest.approx([RULE.gated.consolation, 0, 0])


def test_a_group_with_a_right_answer_passes_the_filter_unchanged(kit: Kit, tmp_path: Path):
    right = format_thinking_turn("So.", of_calls(kit, 1).question.truth)
    call, wrong = (
        format_thinking_turn("I look.", format_tool_call(0, 9)),
        format_thinking_turn("So.", "I do not know."),
    )
    turns = [[call, wrong, right], [wrong]]
    free, _ = played(kit, tmp_path / "none", turns)
    kept, _ = played(kit, tmp_path / "outcome", turns, reward={"filter": "outcome"})
    assert kept.tolist() == free.tolist()


def test_a_rollout_plays_again_from_its_row(kit: Kit, tmp_path: Path):
    taught = of_calls(kit, 1)
    right = format_thinking_turn("So.", taught.question.truth)
    odd = format_thinking_turn("I look.", '<tool_call>\n{"name": "choose_frames"}\n</tool_call>')
    played(
        kit,
        tmp_path,
        [[format_thinking_turn("I look.", format_tool_call(0, 9)), odd, right], [right] * 2],
    )
    file = tmp_path / "rollouts/step-00000000.parquet"
    looked, failed, direct = read_records(file, Rollout)
    assert [row.id for row in (looked, failed, direct)] == ["rl:0:0", "rl:0:1", "rl:0:2"]
    assert "error" in failed.messages

    for row in (looked, direct):
        viewing = ToolSession(taught.reel, BUDGET)
        again = build_messages(taught.question, viewing.open())
        turns = split_assistant_turns(kit.processor.tokenizer.decode(row.tokens))
        assert turns == extract_assistant_turns(json.loads(row.messages))
        replies = [viewing.call(*call) for call in map(parse_tool_call, turns) if call]
        messages = json.loads(row.messages)
        assert messages[: len(again)] == again
        assert [m["content"] for m in messages if m["role"] == "tool"] == replies
        assert row.frames == len(viewing.seen_times)

        environment = ClipEnvironment({taught.question.id: taught.question}, kit.reels(), BUDGET)
        environment.reset(taught.question.id)
        environment._viewing = viewing
        talk = [{**m, "content": fetch_block_images(m["content"], taught.reel)} for m in messages]
        reward = RolloutReward({}, kit.processor, RULE, 1, tmp_path / row.id, set())
        completion = talk[len(again) :]
        paid = reward([completion], [row.tokens], [environment], STATE, lambda *_: None)
        assert paid == [row.earned]
        (twin,) = read_step_rollouts(tmp_path / row.id, 1)
        assert (twin.messages, twin.tokens) == (row.messages, row.tokens)


def test_two_batches_of_one_step_are_one_file(kit: Kit, tmp_path: Path):
    taught = of_calls(kit, 1)
    environment = ClipEnvironment({taught.question.id: taught.question}, kit.reels(), BUDGET)
    environment.reset(taught.question.id)
    reward = RolloutReward({}, kit.processor, RULE, 1, tmp_path, set())
    for step in (0, 0, 1):
        state = SimpleNamespace(global_step=step)
        reward([[]], [[5, 6]], [environment], state, lambda *_: None)
    assert [row.id for row in read_step_rollouts(tmp_path, 2)] == ["rl:0:0", "rl:0:1", "rl:1:0"]
    assert [row.group for row in read_step_rollouts(tmp_path, 2)] == [0, 1, 0]
