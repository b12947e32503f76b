"""What a distillation cost, by whom it was taught and judged."""

from dataclasses import replace
from typing import Any

import pytest

from tests.train.conftest import PARAMS
from touchline.chat.dialogue import DEFAULT_DIALOGUE
from touchline.config import load_params_section
from touchline.records.verdict import TeacherVerdict
from touchline.teacher.ask_teacher import read_judge_prompt
from touchline.teacher.summary import compute_teacher_metrics, describe_teacher
from touchline.teacher.teacher import DistillParams

ROW = TeacherVerdict(
    "a", "q", "soccer", "spotting", "", 1.0, "", "", 1, [], 2, 1000, 100, 0.5,
)  # fmt: skip


def test_rejected_rows_are_paid_for_by_the_accepted_ones_of_their_task_and_sport():
    rows = [
        ROW,
        replace(ROW, reason="wrong answer", cost=1.5),
        replace(ROW, task="choice", cost=3.0),
        replace(ROW, task="counting", sport="badminton", reason="refusal", cost=1.0),
    ]
    found = compute_teacher_metrics(rows)
    assert found["cost"] == 6.0 and found["accepted"] == 2
    assert found["cost_per_accepted"] == 3.0
    assert found["cost_per_accepted.spotting"] == 2.0
    assert found["cost_per_accepted.choice"] == 3.0
    assert found["cost_per_accepted.soccer"] == 2.5
    assert found["accepted.badminton"] == found["accepted.counting"] == 0
    assert "cost_per_accepted.badminton" not in found  # nothing was had for the money
    assert found["dropped.wrong answer"] == found["dropped.refusal"] == 1
    assert found["requests"] == 8 and found["tokens_in"] == 4000 and found["tokens_out"] == 400


def told(**changes: Any) -> dict[str, Any]:
    given = load_params_section(DistillParams, "distill", PARAMS)
    served = given.served.model_copy(update=changes)
    return describe_teacher(
        given.model_copy(update={"teacher": "served", "served": served}), DEFAULT_DIALOGUE
    )


def test_lineage_names_teacher_and_judge_and_never_a_key():
    given = load_params_section(DistillParams, "distill", PARAMS).served
    secret = {"key": "THE_VARIABLE"}
    known = told(
        judge="open",
        endpoint=given.endpoint.model_copy(update=secret),
        judging=given.judging.model_copy(update=secret),
    )
    assert known["model"] == "scripted" and known["judge"]["model"] == "judge"
    assert known["judge"]["sampling"] == given.judging.sampling
    assert set(known["judge"]["prompts"]) == {"judge_answer"}
    assert "THE_VARIABLE" not in str(known)
    assert "judge" not in told()
    assert set(told(look="judge")["judge"]["prompts"]) == {"judge_frames"}


def test_a_judge_with_another_prompt_is_another_judge(monkeypatch: pytest.MonkeyPatch):
    before = told(judge="open")["judge"]
    monkeypatch.setattr(
        "touchline.teacher.summary.read_judge_prompt",
        lambda name: read_judge_prompt(name).replace("Truth", "Fact"),
    )
    after = told(judge="open")["judge"]
    assert before["prompts"] != after["prompts"]
    assert {**before, "prompts": ""} == {**after, "prompts": ""}
