"""Questions that a source brings along: its words, its answers, and nothing made up beside them."""

from random import Random

import pytest

from tests.world import RULES, clip_of, label
from touchline.records.label import Label
from touchline.tasks import TASKS
from touchline.tasks.scene import build_clip_scene
from touchline.tasks.task import QuestionDraft

TIMED = "How many, from {start} to {end}?"


def brought(task: str, start: float = 110, end: float = 130, asked: str = TIMED) -> Label:
    options = ["4", "5"] if task == "choice" else []
    return label("", start, end, task=task, asked=asked, options=options, answer="4")


def asked(
    task: str, labels: list[Label], sport: str = "soccer", start: float = 100
) -> list[QuestionDraft]:
    return TASKS[task].ask(build_clip_scene(clip_of(sport, start=start), labels), RULES, Random(1))


@pytest.mark.parametrize("task", ["counting", "open", "score"])
def test_a_question_keeps_its_words_and_names_its_times_in_the_clip(task: str):
    (draft,) = asked(task, [brought(task)])
    assert draft == QuestionDraft("How many, from 0:10 to 0:30?", "4", evidence=((10, 30),))


def test_a_choice_gets_its_letters():
    (draft,) = asked("choice", [brought("choice")])
    assert draft.text == "How many, from 0:10 to 0:30? A 4; B 5"
    assert (draft.truth, draft.options) == ("A. 4", ("4", "5"))


@pytest.mark.parametrize(("start", "clips"), [(0, 0), (100, 1), (120, 0)])
def test_a_question_that_names_its_end_is_asked_only_where_all_of_it_shows(start: int, clips: int):
    assert len(asked("counting", [brought("counting")], start=start)) == clips
    assert asked("counting", [brought("counting", 150, 170)]) == []


def test_a_question_without_times_is_asked_where_it_begins():
    (draft,) = asked("score", [brought("score", 150, 170, "Which score?")])
    assert (draft.text, draft.evidence) == ("Which score?", ((50, 60),))


@pytest.mark.parametrize("task", ["spotting", "open"])
def test_nothing_is_taken_for_absent_where_only_questions_are_known(task: str):
    other = brought("score")
    assert asked(task, [other]) == []
    assert asked(task, [other, label("Foul", 500)]) != []
    assert asked(task, []) == []  # nobody has labelled this video


def test_strokes_are_not_counted_again_where_the_source_counts_them():
    strokes = [label("殺球", 110 + 2 * i) for i in range(3)]
    far = brought("counting", 500, 520)
    assert len(asked("counting", strokes, "badminton")) == 1
    assert asked("counting", [*strokes, far], "badminton") == []


def test_an_exact_sport_is_asked_for_short_intervals():
    (draft,) = [d for d in asked("spotting", [label("Entry", 120)], "diving") if d.evidence]
    assert draft.truth == "An entry occurs at (0:19, 0:21)."


def test_an_interval_that_whole_seconds_cannot_say_is_not_asked_for():
    clip = clip_of("diving", start=100, length=0.4)
    drafts = TASKS["spotting"].ask(
        build_clip_scene(clip, [label("Entry", 100.2)]), RULES, Random(1)
    )
    assert [draft for draft in drafts if draft.evidence] == []
