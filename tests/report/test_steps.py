"""An attempt is told step by step, whatever the model wrote."""

import json
from dataclasses import replace
from typing import Any

import pytest

from touchline.errors import InputError
from touchline.report.steps import parse_attempt_steps


def attempt(evaluation: Any, messages: Any) -> Any:
    return replace(evaluation.answers["rl"][0], messages=json.dumps(messages))


def test_frames_thoughts_calls_and_the_answer_come_in_order(evaluation: Any):
    kinds = [step.kind for step in parse_attempt_steps(evaluation.answers["rl"][0])]
    assert kinds == ["frames", "thought", "call", "frames", "thought", "answer"]


def test_a_turn_without_a_thought_is_shown_as_it_is(evaluation: Any):
    given = attempt(evaluation, [{"role": "assistant", "content": "<think>never closed"}])
    (step,) = parse_attempt_steps(given)
    assert (step.kind, step.text) == ("unreadable", "<think>never closed")


def test_a_refused_call_shows_the_reason(evaluation: Any):
    refusal = [{"type": "text", "text": "No more calls: answer now."}]
    first = {"role": "user", "content": [{"type": "image", "time": 3.0}]}
    given = attempt(evaluation, [first, {"role": "tool", "content": refusal}])
    assert [step.kind for step in parse_attempt_steps(given)] == ["frames", "note"]


def test_messages_that_are_no_json_name_the_row(evaluation: Any):
    broken = replace(evaluation.answers["rl"][0], messages="{")
    with pytest.raises(InputError, match=r"rl/.*not JSON"):
        parse_attempt_steps(broken)


@pytest.mark.parametrize(("time", "said"), [(1e308, "1e+308"), (-5, "-5"), (75.5, "1:15.5")])
def test_a_time_that_no_clip_has_is_shown_as_the_model_wrote_it(
    evaluation: Any, time: float, said: str
):
    call = {"name": "choose_frames", "arguments": {"start": time, "end": "soon"}}
    turn = f"<think>\nLook.\n</think>\n\n<tool_call>\n{json.dumps(call)}\n</tool_call>"
    given = attempt(evaluation, [{"role": "assistant", "content": turn}])
    assert [step.text for step in parse_attempt_steps(given)] == [
        "Look.",
        f"choose_frames {said} to soon",
    ]
