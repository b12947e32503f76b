"""The teacher keeps the format it teaches, is always right, and stays in clip and budget."""

import json
from random import Random

import numpy as np
import pytest

from tests.world import BUDGETS, RULES, asked_of, clip_of, label, question_of, reel_of
from touchline.chat.messages import extract_assistant_turns
from touchline.chat.tools.choose_frames import ClipFrames, FrameBudget
from touchline.records.clip import Clip
from touchline.records.label import Label
from touchline.records.question import Question
from touchline.records.trajectory import Trajectory
from touchline.tasks import TASKS
from touchline.tasks.scene import ClipScene, build_clip_scene
from touchline.tasks.spotting import parse_intervals
from touchline.tasks.task import QuestionRules
from touchline.teacher.scripted import build_scripted_trajectory


@pytest.mark.parametrize("fps", [1, 4])
@pytest.mark.parametrize("budget", BUDGETS.values(), ids=BUDGETS)
@pytest.mark.parametrize("task", TASKS)
def test_every_trajectory_is_valid_right_and_within_its_limits(
    task: str, budget: FrameBudget, fps: float
):
    worlds = asked_of(task)
    assert len(worlds) > 5
    for view, question in worlds:
        held(build_scripted_trajectory(question, view, reel_of(view, fps), budget), view, budget)


def held(taught: Trajectory, view: ClipScene, budget: FrameBudget) -> None:
    said = extract_assistant_turns(json.loads(taught.messages))
    assert taught.valid, said
    assert taught.score == 1, said
    assert len(taught.windows) <= 2 * budget.calls
    assert all(0 <= time <= view.length for time in taught.windows)
    assert taught.frames <= budget.max_frames
    assert taught.author == "teacher.scripted"


def test_thoughts_name_each_frame_shown_and_the_truth_is_said_last():
    for view, question in asked_of("spotting"):
        taught = build_scripted_trajectory(question, view, reel_of(view), BUDGETS["tiny"])
        turns = extract_assistant_turns(json.loads(taught.messages))
        assert sum(turn.count(":") for turn in turns) >= taught.frames
        assert turns[-1].endswith(question.truth)
        assert taught.answer == question.truth


def test_two_actions_in_one_stretch_are_looked_at_once():
    labels = [label("Entry", 128.6), label("Entry", 128.8), label("Entry", 158)]
    view = build_clip_scene(clip_of("diving", start=100), labels)
    draft = next(d for d in TASKS["spotting"].ask(view, RULES, Random(1)) if d.evidence)
    question = question_of("spotting", view, draft)
    for budget in BUDGETS.values():
        taught = build_scripted_trajectory(question, view, reel_of(view), budget)
        held(taught, view, budget)
        calls = list(zip(taught.windows[::2], taught.windows[1::2], strict=True))
        assert len(set(calls)) == len(calls) > 0


def test_pictures_are_named_by_time_and_belong_to_the_clip():
    view, question = next((v, q) for v, q in asked_of("spotting") if q.evidence)
    reel = reel_of(view)
    taught = build_scripted_trajectory(question, view, reel, BUDGETS["tiny"])
    blocks = [b for m in json.loads(taught.messages) for b in m["content"] if b["type"] == "image"]
    assert len(blocks) == taught.frames
    assert {block["time"] for block in blocks} <= set(reel.times.tolist())


def test_the_same_question_is_taught_in_the_same_words():
    def words(view: ClipScene, question: Question) -> str:
        return build_scripted_trajectory(question, view, reel_of(view), BUDGETS["tiny"]).messages

    for view, question in asked_of("spotting")[:10]:
        assert words(view, question) == words(view, question)


def test_no_window_leaves_a_clip_whose_length_is_no_whole_number_of_seconds():
    clip = Clip("c", "v", "s", "badminton", "m", "", "open", 0.0, 7.7, 31, False)
    ready = Label("l", "v", "choice", 0.0, 7.7, "", "choice", "Which?", ["x", "y"], "y")
    view = build_clip_scene(clip, [ready])
    (draft,) = TASKS["choice"].ask(view, QuestionRules(12, 0.5), Random(1))
    question = Question(
        "q", "c", "v", "s", "badminton", "m", "train", "choice", "", draft.text, ["x", "y"],
        draft.truth, [0.0, 7.7],
    )  # fmt: skip
    reel = ClipFrames(np.arange(31) / 4, lambda times: [])
    held(build_scripted_trajectory(question, view, reel, BUDGETS["tiny"]), view, BUDGETS["tiny"])


def test_a_vague_lesson_names_a_wide_window_that_passes_for_right_and_shows_no_fewer_frames():
    passed = 0
    for view, question in asked_of("spotting"):
        exact, vague = (
            build_scripted_trajectory(question, view, reel_of(view), BUDGETS["tiny"], vague=share)
            for share in (0.0, 1.0)
        )
        if not question.evidence:
            assert vague == exact
            continue
        passed += vague.score == 1.0
        said = parse_intervals(vague.answer)
        assert vague.valid and vague.answer != exact.answer
        assert all(0 <= start < end <= view.length for start, end in said)
        assert vague.windows[:2] == list(said[0]) and vague.frames >= exact.frames
        assert "roughly" in vague.messages and "roughly" not in exact.messages
    assert passed > 5


@pytest.mark.parametrize("task", ["counting", "choice", "open"])
def test_only_where_an_action_is_can_be_told_vaguely(task: str):
    for view, question in asked_of(task):
        exact, vague = (
            build_scripted_trajectory(question, view, reel_of(view), BUDGETS["tiny"], vague=share)
            for share in (0.0, 1.0)
        )
        assert vague == exact


@pytest.mark.parametrize("task", ["spotting", "counting", "choice", "open"])
def test_without_a_call_to_make_the_teacher_answers_from_the_first_frames(task: str):
    none = BUDGETS["tiny"].model_copy(update={"calls": 0})
    for view, question in asked_of(task):
        if task not in view.ready_tasks:
            held(build_scripted_trajectory(question, view, reel_of(view), none), view, none)


def test_an_unsure_teacher_tells_intervals_near_the_truth_and_the_same_every_time():
    off = 0
    for view, question in asked_of("spotting"):
        first, again = (
            build_scripted_trajectory(question, view, reel_of(view), BUDGETS["tiny"], jitter=3)
            for _ in range(2)
        )
        assert first.answer == again.answer
        said, true = parse_intervals(first.answer), parse_intervals(question.truth)
        assert len(said) == len(true)
        for (start, end), (a, b) in zip(said, true, strict=True):
            assert 0 <= start < end <= view.length
            assert max(abs(start - a), abs(end - b)) <= 3
        off += first.answer != question.truth
    assert off > 3
