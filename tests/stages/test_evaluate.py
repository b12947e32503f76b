"""All candidates answer all test questions, whatever they say, and the page is written."""

import json
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from stages.evaluate import main
from stages.report import main as report_main
from tests.external_answers.conftest import exported
from tests.stages.training import BUDGET, World, clip, world
from tests.train.conftest import lessons
from tests.world import HOSTILE
from touchline.chat.dialogue import DEFAULT_DIALOGUE, Dialogue
from touchline.errors import InputError
from touchline.evaluation.floors import FLOORS
from touchline.evaluation.params import EvaluateParams
from touchline.evaluation.tool_ablation import TOOL_MODES
from touchline.external_answers.score import (
    ScoringParams,
    open_external_eval_set,
    score_external_answers,
)
from touchline.licence import LicenceParams
from touchline.model.generate import ConversationGenerator
from touchline.records.caption import Caption
from touchline.records.question import Question
from touchline.records.table import read_records, write_records
from touchline.records.trajectory import Trajectory
from touchline.report.score_order import order_scores
from touchline.report.verdict import name_candidate
from touchline.tasks.spotting import format_spotting_answer

OUTSIDE = LicenceParams(inside=[])
BLIND = [
    {"kind": kind, "name": f"floor.{kind}", "model": "sft", "revision": ""}
    for kind in ("blank", "single", "shuffled")
]
FREE = [{"kind": "floor", "name": name} for name in FLOORS]
EVALUATE = EvaluateParams(
    seed=1, theta=0.3, interval=12, batch=4, turn_tokens=8, processes=1, judge=None,
    necessity=4, candidates=[*FREE, *BLIND],
)  # fmt: skip


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setenv("TOUCHLINE_CHECKPOINTS", str(tmp_path / "checkpoints"))
    taught = lessons(1)
    made = world(tmp_path, taught)
    made.sft(made.sft_params(0))
    made.rl(0)
    asked = [replace(t.question, id=f"{t.question.id}-test", split="test") for t in taught]
    write_records(
        tmp_path / "questions/questions.parquet", Question, [*(t.question for t in taught), *asked]
    )
    write_records(tmp_path / "captions/captions.parquet", Caption, [])
    return made


def run(here: World, dialogue: Dialogue = DEFAULT_DIALOGUE) -> dict[str, Any]:
    names = ("clips", "captions", "questions", "frames", "base", "sft", "rl", "answers")
    given = EVALUATE, here.student(), BUDGET, dialogue
    return main(*given, *[here.root / name for name in names])


def evaluated(here: World) -> list[Trajectory]:
    run(here)
    return read_records(here.root / "answers/answers.parquet", Trajectory)


@pytest.mark.slow
def test_every_candidate_answers_every_test_question(here: World):
    rows = evaluated(here)
    every = read_records(here.root / "questions/questions.parquet", Question)
    test = sorted(q.id for q in every if q.split == "test")
    authors = {row.author for row in rows}
    assert authors == {*FLOORS, *(entry["name"] for entry in BLIND), "base", "sft", "rl"}
    for author in authors:
        assert sorted(row.question for row in rows if row.author == author) == test
    said = {a: [r.answer for r in rows if r.author == a] for a in ("base", "sft", "rl")}
    assert said["base"] == said["sft"] == said["rl"]


@pytest.mark.slow
def test_answers_exported_and_scored_elsewhere_get_the_numbers_of_the_stage(here: World):
    measured = run(here)
    rows = read_records(here.root / "answers/answers.parquet", Trajectory)
    file = exported(here.root / "sft.jsonl", [row for row in rows if row.author == "sft"])
    places = [here.root / name for name in ("clips", "captions", "questions")]
    rule = ScoringParams(EVALUATE.theta, EVALUATE.seed, EVALUATE.interval, None)
    found = score_external_answers(
        file, "sft", open_external_eval_set(*places, BUDGET, DEFAULT_DIALOGUE, "test"), rule
    ).scores
    names = [*FLOORS, "sft"]
    for key in ("candidates", "sports", "actions", "sources", "lengths", "without_negatives"):
        assert found[key] == {name: measured[key][name] for name in names}


def test_the_report_is_drawn_from_files_alone_in_the_order_of_the_candidates(here: World):
    measured = run(here)
    (here.root / "scores.json").write_text(json.dumps(measured, sort_keys=True))
    measures = draw_report(here)
    page = (here.root / "report/report.html").read_text()
    assert len(page) > 10_000
    assert (here.root / "report/player.html").stat().st_size > 10_000
    names = [*FLOORS, *(entry["name"] for entry in BLIND), "base", "sft", "rl"]
    assert measures["candidates"] == len(names)
    headings = [page.index(f"<th>{name_candidate(name)}</th>") for name in names]
    assert headings == sorted(headings)
    ordered = order_scores(json.loads((here.root / "scores.json").read_text()), names)
    for part in ("candidates", "differences", "actions", "sources"):
        assert [*ordered[part]] == [*measured[part]]
    assert [*ordered["necessity"]["ways"]] == [*measured["necessity"]["ways"]]
    assert {tuple(modes) for modes in ordered["necessity"]["ways"].values()} == {TOOL_MODES}
    (here.root / "scores.json").unlink()
    with pytest.raises(InputError, match=r"scores.json: is missing; rerun evaluate"):
        draw_report(here)


def draw_report(here: World) -> dict[str, float]:
    names = ("clips", "questions", "frames", "sft", "rl", "accepted", "answers", "scores.json")
    given = EVALUATE, here.student(), BUDGET, DEFAULT_DIALOGUE, OUTSIDE
    return report_main(*given, *[here.root / name for name in (*names, "report")])


def test_questions_without_frames_are_left_out_and_the_report_says_how_many(here: World):
    test = [q for q in read_records(here.root / "questions/questions.parquet", Question)
            if q.split == "test"]  # fmt: skip
    here.hide(2)
    measured = run(here)
    asked = {
        row.question for row in read_records(here.root / "answers/answers.parquet", Trajectory)
    }
    assert 0 < measured["without_frames"] == len(test) - len(asked)
    (here.root / "scores.json").write_text(json.dumps(measured))
    draw_report(here)
    assert "left out, no frames here" in (here.root / "report/report.html").read_text()
    here.hide(99)
    with pytest.raises(InputError, match="test questions has frames; bring the videos themselves"):
        run(here)


def test_a_right_answer_by_the_clock_of_the_half_scores_one(
    here: World, monkeypatch: pytest.MonkeyPatch
):
    file = here.root / "questions/questions.parquet"
    bare = Dialogue(style="spotting-paper", time="half", cut=False)
    every = [q for q in read_records(file, Question) if q.task == "spotting" and q.evidence]
    zero = bare.clock_offset(clip(every[0]))
    questions = [
        replace(
            q,
            truth=format_spotting_answer(
                q.action, list(zip(q.evidence[::2], q.evidence[1::2], strict=True)), zero
            ),
        )
        for q in every
    ]
    write_records(file, Question, questions)
    truths = [q.truth for q in questions if q.split == "test"]
    monkeypatch.setattr(
        ConversationGenerator, "_generate", lambda self, talks: truths[: len(talks)]
    )
    measured = run(here, bare)
    assert zero and measured["candidates"]["sft"]["spotting"]["f1"]["value"] == 1.0


@pytest.mark.slow
def test_hostile_models_are_evaluated_like_any_other(here: World, monkeypatch: pytest.MonkeyPatch):
    turns = [text for text in HOSTILE if len(text) < 30_000 and text != "\ud800"]
    turns = [f"<think>\nx\n</think>\n\n{text}" for text in turns] + turns

    number = count()

    def say(self: ConversationGenerator, talks: list) -> list[str]:
        return [turns[next(number) % len(turns)] for _ in talks]

    monkeypatch.setattr(ConversationGenerator, "_generate", say)
    assert all(0 <= row.score <= 1 for row in evaluated(here))


def test_without_test_questions_there_is_nothing_to_claim(here: World):
    write_records(here.root / "questions/questions.parquet", Question, [])
    with pytest.raises(InputError, match="no question is in the test split"):
        evaluated(here)
