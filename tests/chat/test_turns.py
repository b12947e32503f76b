"""The format gate: thoughts everywhere, readable calls, and an answer at the end."""

import pytest

from tests.world import HOSTILE
from touchline.chat.tools.choose_frames import called
from touchline.chat.turns import answer, parts, thinking, well_formed

CALL = thinking("I look again.", called(1, 9))
END = thinking("So foul 0:16 to 0:28.", "A foul occurs at (0:16, 0:28).")


def test_thoughts_calls_and_an_answer_are_well_formed():
    assert well_formed([END])
    assert well_formed([CALL, END])
    assert well_formed([CALL, CALL, END])
    assert answer(END) == "A foul occurs at (0:16, 0:28)."
    assert parts(END) == ("So foul 0:16 to 0:28.", "A foul occurs at (0:16, 0:28).")


@pytest.mark.parametrize(
    "turns",
    [
        [],
        [""],
        ["A foul."],
        [called(1, 9), END],
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
        [thinking("a", "")],
        [thinking("a", " \n ")],
        [CALL, thinking("a", "")],
        [thinking("a", called(1, 2) + called(3, 4)), END],
        [thinking("a", "<tool_call>\n{broken\n</tool_call>"), END],
        [thinking("a", "<tool_call>\n{broken\n</tool_call>")],
        [thinking("a", "<tool_call> A foul.")],
    ],
    ids=range(21),
)
def test_everything_else_is_not(turns: list[str]):
    assert not well_formed(turns)


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_turns_are_refused_and_answer_nothing(text: str):
    assert not well_formed([text])
    assert not well_formed([CALL, text])
    assert answer(text) == ""
    assert isinstance(answer(thinking("a", text)), str)


def test_a_call_in_a_thought_is_no_answer_to_the_gate():
    assert not well_formed([thinking(called(1, 2), "A foul."), END][:1])
