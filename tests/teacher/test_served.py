"""A served teacher's lessons are those that a local one gives, or rows with a reason."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from tests.endpoint.stand_in import StandIn, completion, standing_in
from tests.stages.training import BUDGET
from tests.teacher.conftest import distilled, reasons, served, verdicts
from tests.train.conftest import PARAMS
from touchline.chat.turns import format_thinking_turn
from touchline.config import load_params_section
from touchline.errors import InputError
from touchline.records.clip import Clip
from touchline.records.question import Question
from touchline.records.table import read_records, write_records
from touchline.serving.scripted import ScriptedBackend
from touchline.serving.server import ChatServer
from touchline.teacher.teacher import DistillParams

Script = Callable[[dict, int], Any]


class Scripted(ChatServer):
    """`touchline serve scripted` over a checkout."""

    port = 0

    def __init__(self, root: Path) -> None:
        super().__init__(ScriptedBackend(root))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"


@pytest.fixture(autouse=True)
def same_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("touchline.serving.scripted.load_params_section", _section)


def _section(kind: type, name: str, file: Path) -> Any:
    return BUDGET if name == "budget" else load_params_section(kind, name, file)


@pytest.mark.parametrize("calls", ["api", "text"])
@pytest.mark.parametrize("frames_in", ["tool", "user"])
def test_the_scripted_teacher_teaches_the_same_behind_a_server(
    checkout: Path, calls: str, frames_in: str
):
    local = load_params_section(DistillParams, "distill", PARAMS)
    _, wanted = distilled(local, checkout, "local")
    with standing_in(Scripted(checkout)) as server:
        how = {"calls": calls, "frames_in": frames_in, "in_flight": 4}
        measured, taught = distilled(served(server.url, endpoint=how), checkout)
    assert [one.messages for one in taught] == [one.messages for one in wanted]
    assert [one.answer for one in taught] == [one.answer for one in wanted]
    assert measured["kept"] == measured["accepted"] == len(wanted) > 3
    assert any(verdict.calls for verdict in verdicts(checkout))
    assert measured["requests"] == sum(1 + verdict.calls for verdict in verdicts(checkout))


def call(start: str, end: str) -> tuple[str, str]:
    return "choose_frames", json.dumps({"start": start, "end": end})


def always(*calls: tuple[str, str], text: str | None = None, **more: Any) -> Script:
    return lambda *_: completion(text, list(calls), reasoning_content="I look.", **more)


def pages(body: dict, number: int) -> Any:
    return web.Response(text="<html>") if number else completion(format_thinking_turn("x", "y"))


def torn(body: dict, number: int) -> Any:
    return (
        web.Response(text='{"choices": [') if number else completion(format_thinking_turn("x", "y"))
    )


def gone(body: dict, number: int) -> Any:
    return web.Response(status=404) if number else completion(format_thinking_turn("x", "y"))


MISSTEPS: dict[str, Script] = {
    "wrong answer": always(text="A penalty occurs at (0:01, 0:02)."),
    "endless chain of calls": lambda body, _: completion(
        None, [call(f"0:0{len(body['messages'])}", "0:40")], reasoning_content="More."
    ),
    "window outside the clip": always(call("5:00", "5:10")),
    "same window again": always(call("0:10", "0:20")),
    "call without times": always(call("then", "now")),
    "several calls in one turn": always(call("0:10", "0:20"), call("0:30", "0:40")),
    "unknown tool": always(("zoom", "{}")),
    "invalid JSON arguments": always(("choose_frames", '{"start": "0:10", "end"')),
    "empty answer": lambda *_: completion(""),
    "refusal": always(text="I'm sorry, but I can't help with that."),
    "another language": always(text="在这个片段中没有角球也没有任何其他事件发生。" * 3),
    "format not kept": lambda *_: completion("No corner occurs in this clip."),
    "cut off by the limit of tokens": lambda *_: completion("I think that", finish="length"),
    "web page in place of a reply": pages,
    "invalid JSON": torn,
    "vanished model": gone,
}


@pytest.mark.parametrize("reason", MISSTEPS)
def test_each_misstep_of_a_teacher_is_a_row_with_its_own_reason(checkout: Path, reason: str):
    with standing_in(StandIn(script=MISSTEPS[reason])) as server:
        measured, taught = distilled(served(server.url, endpoint={"tries": 2}), checkout)
    found = set(reasons(checkout))
    assert reason in found and found <= {reason, "wrong answer"}
    assert not taught and measured["dropped"] == measured["rows"]
    assert measured[f"dropped.{reason}"] > 0


def test_an_answer_without_a_call_is_a_lesson_and_is_counted(checkout: Path):
    truths = {
        q.id: q for q in read_records(checkout / "data/questions/questions.parquet", Question)
    }

    def script(body: dict, _: int) -> dict:
        return completion(
            format_thinking_turn("I see it.", truths[body["metadata"]["question"]].truth)
        )

    with standing_in(StandIn(script=script)) as server:
        measured, taught = distilled(served(server.url), checkout)
    assert measured["no_call"] == measured["kept"] == len(taught) == len(truths)


def test_a_judge_may_take_an_open_answer_in_other_words(checkout: Path):
    def teacher(*_: object) -> dict:
        return completion(
            format_thinking_turn("I see it.", "The whistle goes: a free kick is due.")
        )

    def judge(body: dict, _: int) -> dict:
        assert "Truth:" in str(body["messages"])
        return completion("Yes.")

    with standing_in(StandIn(script=teacher)) as one, standing_in(StandIn(script=judge)) as other:
        distill = served(one.url, judging=other.url, judge="open")
        measured, taught = distilled(distill, checkout)
    assert {one.task for one in taught} == {"open"}
    assert {v.judged for v in verdicts(checkout) if v.task == "open"} == {"right"}
    assert measured["dropped.wrong answer"] == measured["dropped"]
    known = json.loads((checkout / "out/teacher.json").read_text())
    assert known["judge"]["model"] == "judge" and known["judge"]["prompts"]["judge_answer"]
    assert "127.0.0.1" in known["host"]


def test_a_teacher_that_answers_alike_without_frames_is_not_believed(checkout: Path):
    with standing_in(Scripted(checkout)) as server:
        _, taught = distilled(served(server.url, look="masked"), checkout)
    assert not taught
    assert reasons(checkout) == ["same answer without frames"]


@pytest.mark.parametrize(("word", "kept"), [("YES", True), ("no", False), ("perhaps", False)])
def test_a_second_look_by_the_judge_decides(checkout: Path, word: str, kept: bool):
    def judge(body: dict, _: int) -> dict:
        assert "image_url" in str(body["messages"])
        return completion(word)

    with (
        standing_in(Scripted(checkout)) as server,
        standing_in(StandIn(script=judge)) as other,
    ):
        distill = served(server.url, judging=other.url, look="judge")
        measured, taught = distilled(distill, checkout)
    assert len(taught) == (measured["rows"] if kept else 0)


def test_a_trajectory_whose_frames_have_changed_since_is_dropped(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(
        "touchline.teacher.accept.replay_frame_digests", lambda *_: ["other frames"]
    )
    with standing_in(Scripted(checkout)) as server:
        _, taught = distilled(served(server.url), checkout)
    assert not taught
    assert any("when replayed" in reason for reason in reasons(checkout))


def test_a_spent_budget_drops_the_rest_and_keeps_what_is_done(checkout: Path):
    spend = {"money": 0.0, "tokens": 5_000, "pilot": 0, "on_forecast": "go"}
    with standing_in(Scripted(checkout)) as server:
        distill = served(server.url, endpoint={"in_flight": 1})
        given = distill.served.spend.model_copy(update=spend)
        distill = distill.model_copy(
            update={"served": distill.served.model_copy(update={"spend": given})}
        )
        measured, taught = distilled(distill, checkout)
    assert 0 < len(taught) < measured["rows"]
    assert reasons(checkout) == ["", "budget spent"]
    assert measured["tokens_in"] + measured["tokens_out"] <= 5_000


def test_a_forecast_above_the_budget_stops_after_the_pilot(checkout: Path):
    with standing_in(Scripted(checkout)) as server:
        distill = served(server.url)
        spend = {"money": 0.0, "tokens": 10_000, "pilot": 1, "on_forecast": "stop"}
        given = distill.served.spend.model_copy(update=spend)
        distill = distill.model_copy(
            update={"served": distill.served.model_copy(update={"spend": given})}
        )
        with pytest.raises(InputError, match="forecast exceeds"):
            distilled(distill, checkout)


def test_frames_under_an_nda_do_not_leave_this_machine_unless_allowed(checkout: Path):
    from dataclasses import replace

    file = checkout / "data/clips/clips.parquet"
    write_records(file, Clip, [replace(clip, terms="nda") for clip in read_records(file, Clip)])
    with pytest.raises(InputError, match="nda"):
        distilled(served("https://api.example.org/v1"), checkout)


def test_an_unknown_teacher_is_named(checkout: Path):
    with pytest.raises(InputError, match="scripted, served"):
        distilled(served("http://127.0.0.1:9/v1").model_copy(update={"teacher": "x"}), checkout)
