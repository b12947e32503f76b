"""Every attempt ends in exactly one way, whatever a model says."""

import numpy as np
import pytest

from tests.world import BUDGETS, HOSTILE, plain_reel
from touchline.chat.tools.choose_frames import Viewing, called, read_call
from touchline.chat.turns import ENDINGS, WELL, ending, thinking, well_formed

LOOK, ANSWER = thinking("I look.", called(0, 9)), thinking("So.", "yes")


def call(arguments: str) -> str:
    words = f'{{"name": "choose_frames", "arguments": {arguments}}}'
    return thinking("I look.", f"<tool_call>\n{words}\n</tool_call>")


def ended(turns: list[str], seconds: int = 60) -> str:
    """The ending of turns whose calls are answered, as the loop of RL or evaluation does."""
    viewing = Viewing(plain_reel(np.arange(seconds, dtype=float)), BUDGETS["tiny"])
    viewing.open()
    for turn in turns:
        found = read_call(turn)
        if found is not None:
            viewing.call(*found)
    how = ending(turns, viewing)
    assert how in ENDINGS
    assert (how in WELL) == (well_formed(turns) and not viewing.faults)
    return how


@pytest.mark.parametrize(
    ("turns", "how"),
    [
        ([LOOK, ANSWER], "looked"),
        ([ANSWER], "direct"),
        ([], "empty"),
        ([""], "empty"),
        ([" \n"], "empty"),
        ([thinking("So.", "")], "empty"),
        ([LOOK, thinking("So.", " ")], "empty"),
        (["<!DOCTYPE html><html><body>502 Bad Gateway</body></html>"], "markup"),
        ([thinking("So.", "<div>yes</div>").replace("think>", "b>")], "markup"),
        ([LOOK], "endless"),
        ([LOOK, thinking("Again.", called(10, 19)), thinking("Again.", called(20, 29))], "endless"),
        ([call('{"start": "soon", "end": "later"}'), ANSWER], "bad_time"),
        ([call('{"start": "5:00", "end": "6:00"}'), ANSWER], "outside"),
        ([call('{"start": "0:30", "end": "0:10"}'), ANSWER], "outside"),
        ([LOOK, LOOK, ANSWER], "repeated"),
        ([*(thinking("x", called(n, n + 5)) for n in (0, 10, 20)), ANSWER], "too_many"),
        ([thinking("I look.", "<tool_call>\n{not json\n</tool_call>"), ANSWER], "bad_call"),
        ([call("[1, 2]"), ANSWER], "bad_call"),
        ([LOOK.replace("choose_frames", "zoom"), ANSWER], "bad_call"),
        ([thinking("I look.", called(0, 9) + called(10, 19)), ANSWER], "bad_call"),
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
    assert ended([text]) not in WELL
    ended([LOOK, text])
    ended([thinking("x", text)])
