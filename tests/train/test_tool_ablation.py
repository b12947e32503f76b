"""The tool's worth is measured on the same questions, with nothing but the tool changed."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tests.train.conftest import BUDGET, Kit
from touchline.chat.dialogue import DEFAULT_DIALOGUE, Dialogue
from touchline.chat.tools.choose_frames import ToolSession
from touchline.chat.turns import format_thinking_turn
from touchline.evaluation.tool_ablation import (
    CALL_OPENING,
    TOOL_MODES,
    GuidedGenerator,
    ToolAblationSettings,
    blacken_called_frames,
    forbid_tool_calls,
    force_tool_calls,
    generate_trajectories,
    measure_tool_ablation,
    sample_questions_evenly,
    summarize_tool_ablation,
)
from touchline.model.generate import ConversationGenerator
from touchline.records.trajectory import Trajectory

HOW = ToolAblationSettings(BUDGET, DEFAULT_DIALOGUE, "float32", turn_tokens=8, batch=3, seed=1)


def games(kit: Kit) -> list:
    return [(taught.question, taught.reel) for taught in kit.taught]


def led(kit: Kit, **changes: Any) -> GuidedGenerator:
    return GuidedGenerator(kit.net, kit.processor, BUDGET, 8, 3, **changes)


def test_questions_are_taken_in_turns_from_tasks_and_matches(kit: Kit):
    every = games(kit)
    tasks = {question.task for question, _ in every}
    some = sample_questions_evenly(every, len(tasks))
    assert {question.task for question, _ in some} == tasks
    assert sample_questions_evenly(every, 3) == sample_questions_evenly(every[::-1], 3) == some[:3]
    assert len(sample_questions_evenly(every, 999)) == len(every)
    assert sample_questions_evenly(every, 0) == []


def test_a_turn_begun_for_a_model_is_what_it_would_have_said_itself(kit: Kit):
    free = list(
        ConversationGenerator(kit.net, kit.processor, BUDGET, 8, 3).generate_conversations(
            games(kit)[:3]
        )
    )
    same = list(led(kit).generate_conversations(games(kit)[:3]))
    assert [a.messages for a in same] == [a.messages for a in free]


def test_a_forced_attempt_opens_a_call_and_keeps_the_models_thought(
    kit: Kit, monkeypatch: pytest.MonkeyPatch
):
    taught = next(t for t in kit.taught if not t.trajectory.windows)
    right = format_thinking_turn("So.", taught.question.truth)
    begun: list[str] = []

    def continue_turns(self: GuidedGenerator, talks: list, starts: list[str]) -> list[str]:
        begun.extend(starts)
        return [start + '0:00", "end": "0:09"}}\n</tool_call>' for start in starts]

    monkeypatch.setattr(GuidedGenerator, "continue_turns", continue_turns)
    monkeypatch.setattr(GuidedGenerator, "_generate", lambda self, talks: [right for _ in talks])
    (row,) = force_tool_calls(led(kit), [(taught.question, taught.reel)], [taught.trajectory])
    assert begun[0].endswith(CALL_OPENING)
    assert begun[0].startswith("<think>\n")
    assert (row.windows, row.score, row.valid) == ([0, 9], 1, True)
    looked = next(t for t in kit.taught if t.trajectory.windows)
    begun.clear()
    kept = force_tool_calls(led(kit), [(looked.question, looked.reel)], [looked.trajectory])
    assert kept == [looked.trajectory] and not begun


def test_a_forbidden_call_can_neither_be_opened_nor_answered(kit: Kit):
    player = forbid_tool_calls(led(kit))
    assert player.never == (kit.processor.tokenizer.convert_tokens_to_ids("<tool_call>"),)
    rows = generate_trajectories(player, games(kit)[:4], "forbidden")
    assert all(not row.windows for row in rows)
    assert not any("<tool_call>" in row.answer for row in rows)


def test_a_masked_clip_shows_its_first_look_and_then_nothing(kit: Kit):
    taught = kit.taught[0]
    reel = blacken_called_frames(taught.reel, BUDGET)
    viewing = ToolSession(reel, BUDGET)
    viewing.open()
    first = reel.fetch([0.0, 5.0])
    assert [np.asarray(p).tolist() for p in first] == [
        np.asarray(p).tolist() for p in taught.reel.fetch([0.0, 5.0])
    ]
    assert all(picture.getextrema() == ((0, 0),) * 3 for picture in reel.fetch([0.0, 5.0]))
    assert first[0].size == reel.fetch([0.0])[0].size


def row(number: int, score: float, frames: int = 8) -> Trajectory:
    return Trajectory(
        id=f"rl:{number}", question=f"q{number}", author="rl", split="test", sport="s",
        task="choice" if number % 2 else "open", match=f"m{number // 2}", messages="[]", answer="",
        score=score, valid=True, windows=[], frames=frames,
    )  # fmt: skip


def test_gains_are_paired_over_matches():
    free = [row(n, n % 3 / 2) for n in range(12)]
    less = [replace(one, score=one.score - 0.25, frames=4) for one in free]
    found = summarize_tool_ablation(
        {"free": free, "forced": free, "forbidden": less, "masked": free}, 1
    )
    gain = found["gains"]["all"]["free - forbidden"]
    assert (gain["value"], gain["low"], gain["high"]) == pytest.approx((0.25, 0.25, 0.25))
    assert found["gains"]["choice"]["free - masked"]["value"] == 0
    assert set(found["ways"]) == {"all", "choice", "open"}
    assert set(found["ways"]["all"]) == set(TOOL_MODES)
    assert found["ways"]["all"]["forbidden"]["frames"]["value"] == 4


def test_nothing_is_measured_where_nothing_is_asked_or_there_is_no_tool(kit: Kit):
    free = [t.trajectory for t in kit.taught]
    assert measure_tool_ablation(kit.folder, games(kit), free, 0, HOW) == {}
    bare = Dialogue(style="spotting-paper", time="half", cut=False)
    assert measure_tool_ablation(kit.folder, games(kit), free, 9, replace(HOW, dialogue=bare)) == {}


def test_a_model_is_asked_in_every_way_on_the_same_questions(kit: Kit):
    free = [t.trajectory for t in kit.taught]
    found = measure_tool_ablation(kit.folder, games(kit), free, 4, HOW)
    assert found["questions"] == 4
    assert {way: e["accuracy"]["n"] for way, e in found["ways"]["all"].items()} == dict.fromkeys(
        TOOL_MODES, 4
    )
    assert 0 <= found["called"] <= 1
