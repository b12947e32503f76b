"""Scores have the issue's shape, pool over questions and count every answer."""

from dataclasses import replace

import pytest

from touchline.errors import InputError
from touchline.metrics.scores import MetricContext, build_score_report, find_best_floor
from touchline.records.clip import Clip
from touchline.records.question import Question
from touchline.records.trajectory import Trajectory
from touchline.tasks.counting import parse_count
from touchline.tasks.score import parse_score_number

SPANS = {"hit": [(16.0, 28.0)], "miss": [(40.0, 52.0)], "both": [(16.0, 28.0), (40.0, 52.0)]}


def clip(id: str = "c", start: float = 0.0, length: float = 60.0) -> Clip:
    return Clip(
        id, "v", "s", "soccer", "m", "CC0", "open", start, start + length, int(length), False
    )


JUDGE = MetricContext(
    lambda answer: SPANS.get(answer, []), 0.3, 7,
    {"counting": parse_count, "score": parse_score_number},
    {"c": clip(), "later": clip("later", 60.0), "short": clip("short", 120.0, 15.0)},
    lambda clip: 0.0,
)  # fmt: skip


def asked(number: int, task: str, truth: str, evidence: list[float]) -> Question:
    return Question(
        id=f"q{number}", clip="c", video=f"v{number % 4}", source="s", sport="soccer",
        match=f"m{number % 4}", split="test", task=task,
        action="foul" if task == "spotting" else "", text="?", options=[],
        truth=truth, evidence=evidence,
    )  # fmt: skip


def answered(question: Question, answer: str, score: float, name: str = "sft") -> Trajectory:
    return Trajectory(
        f"{name}/{question.id}", question.id, name, "test", "soccer", question.task,
        question.match, "[]", answer, score, True, [0.0, 20.0], 12,
    )  # fmt: skip


SPOTTING = [asked(i, "spotting", "", [16.0, 28.0]) for i in range(4)]
ABSENT = [asked(i, "spotting", "", []) for i in (4, 5)]
COUNTING = [asked(i, "counting", "7", [0.0, 9.0]) for i in (6, 7)]
QUESTIONS = {q.id: q for q in [*SPOTTING, *ABSENT, *COUNTING]}
ANSWERS = ["hit", "hit", "miss", "", "miss", "", "7", "about 4"]
GIVEN = [
    answered(q, a, float(a in ("hit", "7")))
    for q, a in zip(QUESTIONS.values(), ANSWERS, strict=True)
]


def test_a_gold_answer_gives_one_everywhere():
    gold = [
        answered(q, "7" if q.task == "counting" else "hit" if q.evidence else "", 1.0)
        for q in QUESTIONS.values()
    ]
    found = build_score_report({"sft": gold}, QUESTIONS, JUDGE)["candidates"]["sft"]
    names = ("precision", "recall", "f1", "f1_50", "f1_70", "f1_matched", "negatives_correct",
             "map_loose", "map_tight")  # fmt: skip
    for name in names:
        assert (found["spotting"][name]["value"], found["spotting"][name]["low"]) == (1, 1)
    assert found["counting"]["accuracy"]["value"] == 1
    assert found["counting"]["error"]["value"] == 0


def test_spotting_pools_over_questions():
    found = build_score_report({"sft": GIVEN}, QUESTIONS, JUDGE)["candidates"]["sft"]["spotting"]
    assert found["precision"]["value"] == 2 / 4  # two hits, a miss, a guess where nothing is
    assert found["recall"]["value"] == 2 / 4
    assert found["f1"]["value"] == 2 / 4
    assert found["negatives_correct"] == {"value": 0.5, "low": 0.0, "high": 1.0, "n": 2}
    assert found["frames"] == {"value": 12.0, "low": 12.0, "high": 12.0, "n": 6}
    assert found["tool_calls"]["value"] == 1


def test_counting_has_accuracy_and_mean_error():
    found = build_score_report({"sft": GIVEN}, QUESTIONS, JUDGE)["candidates"]["sft"]["counting"]
    assert found["accuracy"]["value"] == 0.5
    assert found["error"]["value"] == 1.5


def test_an_answer_out_of_format_is_no_right_negative():
    broken = [replace(row, valid=False) if row.question == "q5" else row for row in GIVEN]
    found = build_score_report({"sft": broken}, QUESTIONS, JUDGE)["candidates"]["sft"]["spotting"]
    assert found["negatives_correct"]["value"] == 0
    assert found["valid"]["value"] == 5 / 6


def test_slices_differences_and_matches_stand_beside_the_candidates():
    floor = [replace(row, author="floor.constant", answer="miss", score=0.0) for row in GIVEN]
    found = build_score_report(
        {"floor.constant": floor, "sft": GIVEN, "rl": GIVEN}, QUESTIONS, JUDGE
    )
    assert set(found["candidates"]) == {"floor.constant", "sft", "rl"}
    assert set(found["differences"]) == {"sft - floor.constant", "rl - floor.constant", "rl - sft"}
    same = found["differences"]["rl - sft"]["spotting"]["f1"]
    assert (same["value"], same["low"], same["high"]) == (0, 0, 0)
    assert found["differences"]["sft - floor.constant"]["spotting"]["f1"]["value"] == 0.5
    assert found["actions"]["sft"]["foul"]["spotting"] == found["candidates"]["sft"]["spotting"]
    assert found["sports"]["sft"]["soccer"] == found["candidates"]["sft"]
    assert found["matches"] == {"spotting": 4, "counting": 2}
    assert find_best_floor(found["candidates"], "spotting") == "floor.constant"


def test_every_metric_has_value_low_high_and_n():
    found = build_score_report({"sft": GIVEN}, QUESTIONS, JUDGE)["candidates"]["sft"]
    for metrics in found.values():
        for estimate in metrics.values():
            assert list(estimate) == ["value", "low", "high", "n"]
            assert estimate["low"] <= estimate["value"] <= estimate["high"]


def test_candidates_that_answered_unlike_questions_cannot_be_compared():
    with pytest.raises(InputError, match="unlike questions"):
        build_score_report({"sft": GIVEN, "rl": GIVEN[1:]}, QUESTIONS, JUDGE)


def test_an_answer_twice_or_to_an_unknown_question_is_refused():
    with pytest.raises(InputError, match="twice"):
        build_score_report({"sft": [*GIVEN, GIVEN[0]]}, QUESTIONS, JUDGE)
    with pytest.raises(InputError, match="unknown"):
        build_score_report({"sft": [replace(GIVEN[0], question="q99")]}, QUESTIONS, JUDGE)


def test_within_a_single_match_questions_are_drawn_instead():
    one = {id: replace(question, match="m0") for id, question in QUESTIONS.items()}
    found = build_score_report({"sft": GIVEN}, one, JUDGE)
    precision = found["candidates"]["sft"]["spotting"]["precision"]
    assert found["matches"]["spotting"] == 1
    assert precision["low"] < precision["value"] < precision["high"]


def test_a_number_is_read_as_the_task_reads_it():
    answers = ["7 or 8", "8"]  # two numbers are none: the whole count is missed
    given = [answered(q, a, 0.0) for q, a in zip(COUNTING, answers, strict=True)]
    found = build_score_report({"sft": given}, QUESTIONS, JUDGE)["candidates"]["sft"]["counting"]
    assert found["error"]["value"] == (7 + 1) / 2
    assert found["within_one"]["value"] == 0.5


def test_naming_the_commonest_call_alone_is_not_balanced():
    truths = ["A. Travelling", "B. Travelling", "C. Travelling", "D. Charging"]
    calls = [asked(i, "choice", truth, []) for i, truth in enumerate(truths)]
    given = [answered(q, q.truth, float("Travelling" in q.truth)) for q in calls]
    found = build_score_report({"sft": given}, {q.id: q for q in calls}, JUDGE)["candidates"][
        "sft"
    ]["choice"]
    assert found["accuracy"]["value"] == 0.75
    assert found["balanced_accuracy"]["value"] == 0.5


def test_open_answers_have_a_score_over_letters():
    question = asked(0, "open", "A corner.", [])
    given = [answered(question, "Corners.", 0.0)]
    found = build_score_report({"sft": given}, {"q0": question}, JUDGE)["candidates"]["sft"]["open"]
    assert found["score"]["value"] == 0 < found["chrf"]["value"] < 1


def test_with_and_without_negatives():
    found = build_score_report({"sft": GIVEN}, QUESTIONS, JUDGE)
    alone = found["without_negatives"]["sft"]
    assert set(alone) == {"spotting"}
    assert alone["spotting"]["precision"]["value"] == 2 / 3  # the guess where nothing is, aside
    assert alone["spotting"]["f1"]["n"] == len(SPOTTING)
    assert found["candidates"]["sft"]["spotting"]["precision"]["value"] == 2 / 4


def test_slices_by_source_and_by_the_length_of_the_clip():
    questions = {q.id: q for q in SPOTTING}
    questions["q0"] = replace(questions["q0"], clip="short", source="other")
    given = [answered(q, "hit" if q.id == "q0" else "miss", 1.0) for q in questions.values()]
    found = build_score_report({"sft": given}, questions, JUDGE)
    f1 = {name: part["spotting"]["f1"] for name, part in found["lengths"]["sft"].items()}
    assert {name: (one["value"], one["n"]) for name, one in f1.items()} == {
        "0 to 15 s": (1, 1), "30 to 60 s": (0, 3),
    }  # fmt: skip
    assert found["sources"]["sft"]["other"] == found["lengths"]["sft"]["0 to 15 s"]


@pytest.mark.parametrize(("zero", "loose"), [(0.0, 0.5), (60.0, 1.0)])
def test_answers_are_put_on_the_clock_of_the_video(zero: float, loose: float):
    """Two clips give the same time: by the clip two moments of the video, by the half one."""
    first, second = asked(0, "spotting", "", [16.0, 28.0]), asked(4, "spotting", "", [])
    second = replace(second, clip="later")
    given = [answered(first, "hit", 1.0), answered(second, "hit", 0.0)]
    judge = JUDGE._replace(zero=lambda clip: zero if clip.id == "later" else 0.0)
    found = build_score_report({"sft": given}, {q.id: q for q in (first, second)}, judge)
    assert found["candidates"]["sft"]["spotting"]["map_loose"]["value"] == pytest.approx(loose)
