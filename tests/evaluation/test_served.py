"""A model behind an endpoint answers like any other; a judge grades, or says why not."""

import json
from dataclasses import replace

import pytest

from tests.endpoint.conftest import at
from tests.endpoint.stand_in import StandIn, completion, standing_in
from tests.evaluation.parrot import Parrot, setting_of
from touchline.errors import InputError
from touchline.evaluation.candidates import parse_candidates
from touchline.evaluation.engine import answer_questions, count_failed_answers
from touchline.evaluation.judge import grade_open_answers, parse_verdict
from touchline.evaluation.params import JudgeParams
from touchline.evaluation.test_set import EvalSet

THOUGHT = "<think>\nso\n</think>\n\nNothing of note."


def served(url: str, **changes: object):
    entry = {"kind": "endpoint", "name": "mini", "endpoint": at(url).model_dump()}
    return parse_candidates([entry | {"sees": "commentary", "tool": False} | changes])[0]


def test_on_commentary_alone_it_gets_the_lines_and_no_picture(bench: EvalSet):
    with standing_in(StandIn(script=lambda body, n: completion(THOUGHT))) as server:
        rows = answer_questions(served(server.url), bench, setting_of(bench))
    assert {row.answer for row in rows} == {"Nothing of note."} and all(row.valid for row in rows)
    assert all(row.frames == 0 for row in rows)
    for body in server.seen:
        text = json.dumps(body["messages"])
        assert "And a foul." in text and "image_url" not in text and "tools" not in body


def test_with_frames_and_the_tool_it_looks_again_and_answers(bench: EvalSet):
    def script(body: dict, number: int) -> dict:
        if any(message["role"] == "tool" for message in body["messages"]):
            return completion(THOUGHT)
        return completion("look", [("choose_frames", '{"start": "0:10", "end": "0:30"}')])

    with standing_in(StandIn(script=script)) as server:
        rows = answer_questions(
            served(server.url, sees="frames", tool=True), bench, setting_of(bench)
        )
    assert all(row.windows == [10.0, 30.0] and row.frames > 8 and row.valid for row in rows)
    assert all("tools" in body for body in server.seen)


def test_without_the_tool_a_call_is_refused_in_words(bench: EvalSet):
    call = completion("look", [("choose_frames", '{"start": "0:10", "end": "0:30"}')])
    with standing_in(StandIn(script=lambda body, n: call)) as server:
        rows = answer_questions(served(server.url, sees="frames"), bench, setting_of(bench))
    assert not any(row.valid or row.windows for row in rows)
    assert all(row.frames == 8 for row in rows) and "tools" not in server.seen[0]


def test_rubbish_and_an_empty_answer_are_rows(bench: EvalSet):
    def script(body: dict, number: int):
        return "<html>busy</html>" if number == 2 else completion("" if number % 2 else THOUGHT)

    with standing_in(StandIn(script=script)) as server:
        rows = answer_questions(served(server.url), bench, setting_of(bench))
    assert 0 < count_failed_answers(rows) < len(rows) == len(bench.split_questions)


def test_an_endpoint_that_is_not_there_is_a_fault(bench: EvalSet):
    with pytest.raises(InputError):
        answer_questions(served("http://127.0.0.1:9/v1"), bench, setting_of(bench))


def opened(bench: EvalSet) -> dict:
    rows = answer_questions(Parrot(), bench, setting_of(bench))
    return {"right": [replace(r, author="right") for r in rows], "wrong": rows}


def test_the_judge_grades_twice_and_tells_how_far_it_agrees_with_itself(bench: EvalSet):
    rows = opened(bench)
    count = sum(row.task == "open" for row in rows["right"])

    def script(body: dict, number: int) -> dict:
        told = body["messages"][0]["content"]
        turned = told.index("Answer:") < told.index("Reference:")
        return completion("They agree.\nverdict: " + ("wrong" if turned else "right"))

    with standing_in(StandIn(script=script)) as server:
        judging = JudgeParams(endpoint=at(server.url), again=2)
        found = grade_open_answers(rows, bench.questions_by_id, judging, seed=1)
    assert found["candidates"]["right"]["open"]["judged"]["value"] == 1.0
    assert found["candidates"]["right"]["open"]["judged"]["n"] == count
    assert found["agreement"] == {"n": 2, "value": 0.0}
    assert len(found["prompt"]) == 12 and found["host"] in server.url


def test_an_unreadable_verdict_is_counted_and_scores_nothing(bench: EvalSet):
    with standing_in(StandIn(script=lambda body, n: completion("I like it."))) as server:
        found = grade_open_answers(
            opened(bench), bench.questions_by_id, JudgeParams(endpoint=at(server.url), again=0), 1
        )
    assert found["candidates"] == {} and found["faults"]["no verdict"] > 0


def test_without_a_network_the_grades_are_absent_with_the_reason(bench: EvalSet):
    judging = JudgeParams(endpoint=at("http://127.0.0.1:9/v1"), again=0)
    found = grade_open_answers(opened(bench), bench.questions_by_id, judging, seed=1)
    assert "candidates" not in found and "127.0.0.1:9" in found["absent"]


@pytest.mark.parametrize(
    ("text", "verdict"),
    [("verdict: right", "right"), ("**Verdict: Partly**", "partly"), ("right", "no verdict"),
     ("verdict: right\nNo:\nverdict: wrong", "wrong"), ("", "no verdict")],
)  # fmt: skip
def test_the_last_verdict_counts(text: str, verdict: str):
    assert parse_verdict(text) == verdict
