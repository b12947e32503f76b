"""Floors answer in the tasks' own format and know nothing but the training truths."""

from dataclasses import replace

import pytest

from touchline.evaluation.floors import FLOORS, AnswerPrior, count_training_answers
from touchline.records.caption import Caption
from touchline.records.clip import Clip
from touchline.records.question import Question
from touchline.tasks import TASKS
from touchline.tasks.spotting import parse_intervals

CLIP = Clip("v@20-80", "v", "s", "soccer", "m", "CC0", "open", 20, 80, 60, False)
OPTIONS = ["travelling", "charging", "blocking", "goaltending"]


def asked(task: str, truth: str, split: str = "train", sport: str = "soccer", **more) -> Question:
    given = {"action": "", "options": [], "evidence": []} | more
    return Question(
        id=f"{task}{truth}{split}", clip=CLIP.id, video="v", source="s", sport=sport, match="m",
        split=split, task=task, text="?", truth=truth, **given,
    )  # fmt: skip


def line(start: float, text: str) -> Caption:
    return Caption(f"c{start}", CLIP.id, start, start + 3, text, "test")


FOUL = asked("spotting", "A foul occurs at (0:16, 0:28).", action="foul", evidence=[16.0, 28.0])
NOTHING = AnswerPrior({}, 12)


def test_constant_names_the_middle_of_the_clip():
    assert parse_intervals(FLOORS["floor.constant"](FOUL, CLIP, [], NOTHING)) == [(24, 36)]


def test_tiles_cover_the_whole_clip_without_gap():
    found = parse_intervals(FLOORS["floor.tiles"](FOUL, CLIP, [], NOTHING))
    assert found == [(0, 15), (15, 30), (30, 45), (45, 60)]


def test_keyword_answers_around_each_line_that_betrays_the_action():
    said = [line(3, "A foul!"), line(22, "Nice weather."), line(40, "Another FOUL by him.")]
    assert parse_intervals(FLOORS["floor.keyword"](FOUL, CLIP, said, NOTHING)) == [(0, 9), (34, 46)]


def test_keyword_takes_whole_words_only():
    goal = replace(FOUL, action="goal")
    answer = FLOORS["floor.keyword"](goal, CLIP, [line(3, "The goalkeeper waits.")], NOTHING)
    assert answer == "No goal occurs in this clip."


def test_the_constant_is_the_most_frequent_truth_of_training_in_the_same_sport():
    train = [asked("counting", t, sport="badminton") for t in "5575"] + [asked("counting", "9")] * 9
    hidden = [asked("counting", "7", "test", "badminton")] * 9
    known = count_training_answers([*train, *hidden], 12)
    question = asked("counting", "7", "test", "badminton")
    assert FLOORS["floor.constant"](question, CLIP, [], known) == "5"


def test_a_score_is_guessed_as_the_median_of_training():
    known = count_training_answers(
        [asked("score", f"{points}.00", sport="diving") for points in (9, 72, 81, 100)], 12
    )
    question = asked("score", "70.00", "test", "diving")
    assert FLOORS["floor.constant"](question, CLIP, [], known) == "81.00"
    assert FLOORS["floor.constant"](question, CLIP, [], count_training_answers([], 12)) == ""


def test_an_exact_sport_is_guessed_as_a_short_interval():
    question = asked("spotting", "No entry occurs in this clip.", "test", "diving", action="entry")
    assert (
        FLOORS["floor.constant"](question, CLIP, [], count_training_answers([], 12))
        == "An entry occurs at (0:29, 0:31)."
    )


def test_choice_follows_the_letter_or_the_words_whichever_was_right_more_often():
    question = asked("choice", "A. travelling", "test", "basketball", options=OPTIONS)
    letters = ["B. charging", "B. hand check", "B. double dribble"]
    words = ["A. blocking", "C. blocking", "D. blocking"]
    for truths, expected in ((letters, "B. charging"), (words, "C. blocking")):
        known = count_training_answers([asked("choice", t, sport="basketball") for t in truths], 12)
        assert FLOORS["floor.constant"](question, CLIP, [], known) == expected


def test_choice_takes_the_option_that_commentary_names():
    question = asked("choice", "D. goaltending", "test", "basketball", options=OPTIONS)
    said = [line(9, "The whistle goes: goaltending, he says.")]
    assert FLOORS["floor.keyword"](question, CLIP, said, NOTHING) == "D. goaltending"


def test_open_names_what_commentary_names_in_order_of_time():
    question = asked("open", "A corner, then a foul.", "test")
    said = [line(30, "Oh, a foul."), line(10, "The corner comes in.")]
    answer = FLOORS["floor.keyword"](question, CLIP, said, NOTHING)
    assert TASKS["open"].score(answer, question.truth) == 1


@pytest.mark.parametrize("name", FLOORS)
@pytest.mark.parametrize("task", TASKS)
def test_every_floor_has_an_answer_to_every_task_even_without_training(name: str, task: str):
    question = replace(asked(task, "B. charging", "test", options=OPTIONS), action="foul")
    answer = FLOORS[name](question, CLIP, [], NOTHING)
    assert isinstance(answer, str)
    assert 0 <= TASKS[task].score(answer, "B. charging") <= 1
