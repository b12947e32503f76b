"""The frame tool shows what was asked for, within its budget, and takes any nonsense as data."""

import json
from itertools import pairwise
from random import Random
from typing import Any

import numpy as np
import pytest

from tests.world import BUDGETS, HOSTILE, plain_reel
from touchline.chat.tools.choose_frames import (
    ClipFrames,
    FrameBudget,
    ToolSession,
    build_frame_blocks,
    format_tool_call,
    parse_tool_call,
)

BUDGET = BUDGETS["tiny"]
MINUTE = plain_reel(np.arange(60.0))
NONSENSE: list[Any] = [
    *HOSTILE, None, True, [], {}, ["0:01"], {"start": 1}, -3, float("nan"), float("inf"), 1e300,
    10**4000, b"0:01", object(),
]  # fmt: skip


def times(blocks: list[dict]) -> list[float]:
    return [block["time"] for block in blocks if block["type"] == "image"]


def test_first_frames_are_uniform_over_the_clip():
    assert MINUTE.pick_first_times(BUDGET) == [4, 11, 19, 26, 34, 41, 49, 56]
    assert MINUTE.pick_first_times(BUDGETS["every frame"]) == list(range(60))


@pytest.mark.parametrize("size", [1, 2, 5, 8])
def test_a_short_clip_shows_every_frame_once(size: int):
    assert plain_reel(np.arange(size) / 2).pick_first_times(BUDGET) == [n / 2 for n in range(size)]


@pytest.mark.parametrize("budget", BUDGETS.values(), ids=BUDGETS)
@pytest.mark.parametrize("fps", [0.5, 1, 4, 29.97])
def test_a_call_keeps_window_stride_and_count(budget: FrameBudget, fps: float):
    reel, random, step = plain_reel(np.arange(0, 60, 1 / fps)), Random(1), 1 / fps
    for _ in range(300):
        start = random.uniform(0, 59)
        end = random.uniform(start, 70)
        found = reel.pick_call_times(start, end, budget)
        assert 1 <= len(found) <= budget.call
        assert set(found) <= set(reel.times.tolist())
        assert all(start - step / 2 - 1e-6 <= t <= end + step / 2 + 1e-6 for t in found)
        assert all(b - a >= budget.stride - step - 1e-6 for a, b in pairwise(found))


def test_a_window_shows_both_its_ends():
    assert MINUTE.pick_call_times(10, 31, BUDGET) == [10, 13, 16, 19, 22, 25, 28, 31]
    assert MINUTE.pick_call_times(0, 59, BUDGETS["many calls"])[0] == 0
    assert MINUTE.pick_call_times(0, 59, BUDGETS["many calls"])[-1] == 59


@pytest.mark.parametrize(("start", "end"), [(0, 1), (58, 59), (59, 60), (0, 600), (59, 599)])
def test_windows_at_the_borders_show_frames_of_the_clip(start: float, end: float):
    found = MINUTE.pick_call_times(start, end, BUDGET)
    assert found
    assert 0 <= found[0] <= found[-1] <= 59


def test_each_picture_stands_behind_its_time():
    assert build_frame_blocks([3, 75.5]) == [
        {"type": "text", "text": "0:03"},
        {"type": "image", "time": 3},
        {"type": "text", "text": "1:15.5"},
        {"type": "image", "time": 75.5},
    ]


def test_equal_calls_give_equal_frames_in_every_viewing():
    def play() -> list:
        viewing = ToolSession(MINUTE, BUDGET)
        return [viewing.open(), viewing.call("0:10", "0:31"), viewing.call("0:00", "0:59")]

    assert play() == play()


def test_what_was_seen_and_asked_for_is_remembered():
    viewing = ToolSession(MINUTE, BUDGET)
    shown = times(viewing.open()) + times(viewing.call("0:10", 31))
    assert viewing.windows == [(10, 31)]
    assert viewing.seen_times == shown
    assert viewing.faults == []


def test_the_same_stretch_is_shown_once():
    viewing = ToolSession(MINUTE, BUDGET)
    viewing.call("0:10", "0:31")
    refused = viewing.call("10", "31.0")
    assert times(refused) == []
    assert len(viewing.faults) == 1
    assert viewing.windows == [(10, 31)]


def test_calls_beyond_the_budget_are_refused_in_words():
    viewing = ToolSession(MINUTE, BUDGET)
    answers = [viewing.call(f"0:{n:02d}", f"0:{n + 9:02d}") for n in range(1, 5)]
    assert [bool(times(blocks)) for blocks in answers] == [True, True, False, False]
    assert len(viewing.seen_times) <= BUDGET.max_frames
    assert len(viewing.faults) == 2


@pytest.mark.parametrize(("start", "end"), [("0:20", "0:10"), ("0:10", "0:10"), ("1:00", "1:30")])
def test_no_stretch_of_the_clip_is_a_fault(start: str, end: str):
    viewing = ToolSession(MINUTE, BUDGET)
    assert times(viewing.call(start, end)) == []
    assert viewing.faults
    assert viewing.windows == []


@pytest.mark.parametrize("nonsense", [n for n in NONSENSE if n != "١٢"], ids=lambda n: repr(n)[:20])
def test_nonsense_becomes_a_refusal_that_repeats_none_of_it(nonsense: Any):
    for arguments in ((nonsense, "0:10"), ("0:01", nonsense), (nonsense, nonsense)):
        viewing = ToolSession(MINUTE, BUDGET)
        (block,) = viewing.call(*arguments)
        assert viewing.faults == [block["text"]]
        json.dumps(block).encode()
        assert "<|" not in block["text"]


def test_what_is_called_is_read():
    assert parse_tool_call(f"<think>\nx\n</think>\n\n{format_tool_call(16, 75.5)}") == (
        "0:16",
        "1:15.5",
    )


@pytest.mark.parametrize(
    "call",
    [
        "", "{", "null", "[]", "7", '"choose_frames"', '{"name": "choose_frames"}',
        '{"arguments": {"start": "0:01", "end": "0:09"}}',
        '{"name": "other", "arguments": {"start": "0:01", "end": "0:09"}}',
        '{"name": ["choose_frames"], "arguments": {"start": "0:01", "end": "0:09"}}',
        '{"name": "choose_frames", "arguments": {"start": "0:01"}}',
        '{"name": "choose_frames", "arguments": {"start": 1, "end": 2, "step": 3}}',
        '{"name": "choose_frames", "arguments": ["start", "end"]}',
        '{"name": "choose_frames", "arguments": [["start", 1], ["end", 2]]}',
        '{"name": "choose_frames", "arguments": 7}',
        '{"name": "choose_frames", "arguments": "start end"}',
        '{"name": "choose_frames", "arguments": null}',
        "[" * 50_000, f'{{"name": {"9" * 5000}}}', "\ud800",
    ],
    ids=lambda call: call[:60],
)  # fmt: skip
def test_a_call_that_the_tool_would_not_take_is_no_call(call: str):
    assert parse_tool_call(f"<tool_call>\n{call}\n</tool_call>") is None


def test_two_calls_at_once_or_an_open_one_are_no_call():
    assert parse_tool_call(format_tool_call(1, 2) + format_tool_call(3, 4)) is None
    assert parse_tool_call(format_tool_call(1, 2).removesuffix("</tool_call>")) is None


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_no_call(text: str):
    assert parse_tool_call(text) is None


def test_arguments_of_any_type_reach_the_viewing_as_data():
    turn = format_tool_call(1, 2).replace('"0:01"', '{"a": [1e999, null, "\\ud800<|image_pad|>"]}')
    call = parse_tool_call(turn)
    assert call is not None
    viewing = ToolSession(MINUTE, BUDGET)
    viewing.call(*call)
    assert viewing.faults


def test_a_reel_of_one_frame_can_be_looked_at():
    viewing = ToolSession(ClipFrames(np.array([0.0]), MINUTE.fetch), BUDGET)
    assert times(viewing.open()) == [0]
    assert times(viewing.call("0:00", "0:01")) == [0]
