"""Every attempt ends in exactly one way, whatever a model says."""

import numpy as np
import pytest

from tests.world import BUDGETS, HOSTILE, plain_reel
from touchline.chat.tools.choose_frames import ToolSession, format_tool_call, parse_tool_call
from touchline.chat.turns import (
    ENDINGS,
    VALID_ENDINGS,
    classify_ending,
    format_thinking_turn,
    is_well_formed,
)

LOOK, ANSWER = (
    format_thinking_turn("I look.", format_tool_call(0, 9)),
    format_thinking_turn("So.", "yes"),
)


def call(arguments: str) -> str:
    words = f'{{"name": "choose_frames", "arguments": {arguments}}}'
    return format_thinking_turn("I look.", f"<tool_call>\n{words}\n</tool_call>")


def ended(turns: list[str], seconds: int = 60) -> str:
    """The ending of turns whose calls are answered, as the loop of RL or evaluation does."""
    viewing = ToolSession(plain_reel(np.arange(seconds, dtype=float)), BUDGETS["tiny"])
    viewing.open()
    for turn in turns:
        found = parse_tool_call(turn)
        if found is not None:
            viewing.call(*found)
    how = classify_ending(turns, viewing)
    assert how in ENDINGS
    assert (how in VALID_ENDINGS) == (is_well_formed(turns) and not viewing.faults)
    return how


@pytest.mark.parametrize(
    ("turns", "how"),
    [
        ([LOOK, ANSWER], "looked"),
        ([ANSWER], "direct"),
        ([], "empty"),
        ([""], "empty"),
        ([" \n"], "empty"),
        ([format_thinking_turn("So.", "")], "empty"),
        ([LOOK, format_thinking_turn("So.", " ")], "empty"),
        (["<!DOCTYPE html><html><body>502 Bad Gateway</body></html>"], "markup"),
        ([format_thinking_turn("So.", "<div>yes</div>").replace("think>", "b>")], "markup"),
        ([LOOK], "endless"),
        (
            [
                LOOK,
                format_thinking_turn("Again.", format_tool_call(10, 19)),
                format_thinking_turn("Again.", format_tool_call(20, 29)),
            ],
            "endless",
        ),
        ([call('{"start": "soon", "end": "later"}'), ANSWER], "bad_time"),
        ([call('{"start": "5:00", "end": "6:00"}'), ANSWER], "outside"),
        ([call('{"start": "0:30", "end": "0:10"}'), ANSWER], "outside"),
        ([LOOK, LOOK, ANSWER], "repeated"),
        (
            [*(format_thinking_turn("x", format_tool_call(n, n + 5)) for n in (0, 10, 20)), ANSWER],
            "too_many",
        ),
        (
            [format_thinking_turn("I look.", "<tool_call>\n{not json\n</tool_call>"), ANSWER],
            "bad_call",
        ),
        ([call("[1, 2]"), ANSWER], "bad_call"),
        ([LOOK.replace("choose_frames", "zoom"), ANSWER], "bad_call"),
        (
            [
                format_thinking_turn("I look.", format_tool_call(0, 9) + format_tool_call(10, 19)),
                ANSWER,
            ],
            "bad_call",
        ),
        (["yes"], "broken"),
        (["Je ne sais pas."], "broken"),
        (["I am sorry, but I cannot help with that."], "broken"),
        ([f"{ANSWER}<think>"], "broken"),
    ],
)
def test_an_attempt_ends_in_the_way_that_is_wrong_with_it(turns: list[str], how: str):
    assert ended(turns) == how


def test_a_clip_without_frames_is_told_apart():
    assert ended([LOOK, ANSWER], seconds=0) == "no_frames"


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: repr(text)[:20])
def test_hostile_turns_end_badly_and_never_crash(text: str):
    assert ended([text]) not in VALID_ENDINGS
    ended([LOOK, text])
    ended([format_thinking_turn("x", text)])
