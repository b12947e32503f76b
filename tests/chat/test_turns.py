"""The format gate: thoughts everywhere, readable calls, and an answer at the end."""

import pytest

from tests.world import HOSTILE
from touchline.chat.tools.choose_frames import format_tool_call
from touchline.chat.turns import extract_answer, format_thinking_turn, is_well_formed, split_thought

CALL = format_thinking_turn("I look again.", format_tool_call(1, 9))
END = format_thinking_turn("So foul 0:16 to 0:28.", "A foul occurs at (0:16, 0:28).")


def test_thoughts_calls_and_an_answer_are_well_formed():
    assert is_well_formed([END])
    assert is_well_formed([CALL, END])
    assert is_well_formed([CALL, CALL, END])
    assert extract_answer(END) == "A foul occurs at (0:16, 0:28)."
    assert split_thought(END) == ("So foul 0:16 to 0:28.", "A foul occurs at (0:16, 0:28).")


@pytest.mark.parametrize(
    "turns",
    [
        [],
        [""],
        ["A foul."],
        [format_tool_call(1, 9), END],
        ["<think>\n\n</think>\n\nA foul."],
        ["<think>a</think><think>b</think>A foul."],
        ["<think>a<think>b</think>A foul."],
        ["<think>a</think>b</think>A foul."],
        ["First this. <think>a</think>A foul."],
        ["<think>never closed. A foul."],
        [END, CALL],
        [END, END],
        [CALL],
        [CALL, CALL],
        [format_thinking_turn("a", "")],
        [format_thinking_turn("a", " \n ")],
        [CALL, format_thinking_turn("a", "")],
        [format_thinking_turn("a", format_tool_call(1, 2) + format_tool_call(3, 4)), END],
        [format_thinking_turn("a", "<tool_call>\n{broken\n</tool_call>"), END],
        [format_thinking_turn("a", "<tool_call>\n{broken\n</tool_call>")],
        [format_thinking_turn("a", "<tool_call> A foul.")],
    ],
    ids=range(21),
)
def test_everything_else_is_not(turns: list[str]):
    assert not is_well_formed(turns)


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_turns_are_refused_and_answer_nothing(text: str):
    assert not is_well_formed([text])
    assert not is_well_formed([CALL, text])
    assert extract_answer(text) == ""
    assert isinstance(extract_answer(format_thinking_turn("a", text)), str)


def test_a_call_in_a_thought_is_no_answer_to_the_gate():
    assert not is_well_formed([format_thinking_turn(format_tool_call(1, 2), "A foul."), END][:1])
