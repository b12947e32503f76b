"""The clock of a dialogue: what a model reads and says in it comes back to seconds of the clip."""

import json

import numpy as np
import pytest

from tests.world import BUDGETS, asked_of, clip_of, plain_reel
from touchline.chat.dialogue import DEFAULT_DIALOGUE, Dialogue
from touchline.chat.messages import build_messages
from touchline.chat.tools.choose_frames import ClipFrames, ToolSession
from touchline.evaluation.floors import FLOORS, count_training_answers
from touchline.records.trajectory import Trajectory
from touchline.tasks.spotting import format_spotting_answer, parse_intervals
from touchline.tasks.trajectory import build_trajectory
from touchline.teacher.scripted import build_scripted_trajectory

HALF = DEFAULT_DIALOGUE.model_copy(update={"time": "half"})
BARE = Dialogue(style="spotting-paper", time="half", cut=False)
BUDGET = BUDGETS["tiny"]
LATE = 2220.0  # 37:00 of the half


def late() -> ToolSession:
    minute = plain_reel(np.arange(60.0))
    return ToolSession(
        ClipFrames(minute.times, minute.fetch, HALF.clock_offset(clip_of("soccer", start=LATE))),
        BUDGET,
    )


def test_frames_are_stamped_and_called_for_by_the_clock_of_the_half() -> None:
    viewing = late()
    assert [b["text"] for b in viewing.open() if b["type"] == "text"][:2] == ["37:04", "37:11"]
    blocks = viewing.call("37:10", "37:31")
    assert blocks[0]["text"] == "37:10" and blocks[1]["time"] == 10.0
    assert viewing.windows == [(10.0, 31.0)] and not viewing.faults


@pytest.mark.parametrize("window", [("0:10", "0:31"), ("36:50", "37:10"), ("38:10", "38:20")])
def test_a_call_outside_the_clip_by_that_clock_is_refused(window: tuple[str, str]) -> None:
    viewing = late()
    (block,) = viewing.call(*window)
    assert block["text"] == f"Not a stretch of the clip: {window[0]} to {window[1]}."
    assert not viewing.windows


def test_without_frames_there_is_no_opening_and_every_call_is_refused() -> None:
    viewing = ToolSession(plain_reel([]), BUDGET)
    assert viewing.open() == []
    assert (
        viewing.call("0:01", "0:05")[0]["text"] == "There are no frames of this clip: answer now."
    )


def test_an_interval_in_words_of_the_half_is_read_back_in_seconds_of_the_clip() -> None:
    said = format_spotting_answer("foul", [(5.0, 17.0)], LATE)
    assert said == "A foul occurs at (37:05, 37:17)."
    assert parse_intervals(said, LATE) == [(5.0, 17.0)]
    assert format_spotting_answer("foul", [(-4.0, 8.0)]) == "A foul occurs at (0:00, 0:08)."


def test_the_teacher_thinks_and_looks_by_the_clock_of_the_half() -> None:
    for view, question in asked_of("spotting", ["soccer"])[:20]:
        frames = ClipFrames(np.arange(60.0), lambda times: [], HALF.clock_offset(view.clip))
        taught = build_scripted_trajectory(question, view, frames, BUDGET, HALF)
        assert taught.valid and taught.score == 1
        assert all(0 <= time <= view.length for time in taught.windows)
        assert "1:4" in taught.messages  # the clips of this world begin at 1:40


def test_floors_answer_by_the_clock_of_the_half() -> None:
    view, question = asked_of("spotting", ["soccer"])[0]
    known = count_training_answers([question], 12.0, HALF)
    said = parse_intervals(FLOORS["floor.constant"](question, view.clip, [], known))
    assert said == [(view.clip.start + 24, view.clip.start + 36)]


def test_in_the_papers_manner_instructions_frames_and_question_are_one_message() -> None:
    _, question = asked_of("spotting", ["soccer"])[0]
    viewing = late()
    (message,) = build_messages(question, viewing.open(), BARE)
    assert message["role"] == "user" and message["content"][-1]["text"].endswith(question.text)
    assert [block["type"] for block in message["content"]].count("image") == BUDGET.first


@pytest.mark.parametrize(
    ("turns", "valid"),
    [(["A foul occurs at (37:05, 37:17)."], True), (["<think>x</think> No."], False),
     (["<tool_call>{}</tool_call>"], False), ([" "], False), ([], False), (["a", "b"], False)],
)  # fmt: skip
def test_a_bare_answer_is_one_turn_without_marks(turns: list[str], valid: bool) -> None:
    _, question = asked_of("spotting", ["soccer"])[0]
    messages = [{"role": "assistant", "content": [{"type": "text", "text": t}]} for t in turns]
    row: Trajectory = build_trajectory("m", question, messages, late(), BARE)
    assert row.valid is valid and json.loads(row.messages) == messages
