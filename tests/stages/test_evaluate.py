"""All candidates answer all test questions, whatever they say, and the page is written."""

from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest

from stages.evaluate import Evaluate, blank, main
from tests.stages.training import BUDGET, World, world
from tests.student.conftest import lessons
from tests.world import HOSTILE
from touchline.dialogue import PLAIN
from touchline.faults import BadInput
from touchline.floors import FLOORS
from touchline.records import Caption, Question, Trajectory, read, write
from touchline.student.rollout import Player

EVALUATE = Evaluate(seed=1, theta=0.3, interval=12, batch=4, turn_tokens=8)


@pytest.fixture
def here(tmp_path: Path) -> World:
    taught = lessons(1)
    made = world(tmp_path, taught)
    made.sft(made.sft_params(0))
    made.rl(0)
    asked = [replace(t.question, id=f"{t.question.id}-test", split="test") for t in taught]
    write(
        tmp_path / "questions/questions.parquet", Question, [*(t.question for t in taught), *asked]
    )
    write(tmp_path / "captions/captions.parquet", Caption, [])
    return made


def evaluated(here: World) -> list[Trajectory]:
    names = ("clips", "captions", "questions", "frames", "base", "sft", "rl", "answers", "report")
    main(EVALUATE, here.student(), BUDGET, PLAIN, *[here.root / name for name in names])
    return read(here.root / "answers/answers.parquet", Trajectory)


def test_every_candidate_answers_every_test_question(here: World):
    rows = evaluated(here)
    every = read(here.root / "questions/questions.parquet", Question)
    test = sorted(q.id for q in every if q.split == "test")
    authors = {row.author for row in rows}
    assert authors == {*FLOORS, "floor.blank", "base", "sft", "rl"}
    for author in authors:
        assert sorted(row.question for row in rows if row.author == author) == test
    assert (here.root / "report/report.html").stat().st_size > 10_000
    said = {a: [r.answer for r in rows if r.author == a] for a in ("base", "sft", "rl")}
    assert said["base"] == said["sft"] == said["rl"]


def test_hostile_models_are_evaluated_like_any_other(here: World, monkeypatch: pytest.MonkeyPatch):
    turns = [text for text in HOSTILE if len(text) < 30_000 and text != "\ud800"]
    turns = [f"<think>\nx\n</think>\n\n{text}" for text in turns] + turns

    number = count()

    def say(self: Player, talks: list) -> list[str]:
        return [turns[next(number) % len(turns)] for _ in talks]

    monkeypatch.setattr(Player, "_generate", say)
    assert all(0 <= row.score <= 1 for row in evaluated(here))


def test_without_test_questions_there_is_nothing_to_claim(here: World):
    write(here.root / "questions/questions.parquet", Question, [])
    with pytest.raises(BadInput, match="no question is in the test split"):
        evaluated(here)


def test_blank_pictures_are_black_and_as_many(here: World):
    taught = lessons(1)[0]
    ((_, reel),) = blank([(taught.question, taught.reel)])
    pictures = reel.fetch([0.0, 5.0])
    assert [picture.getextrema() for picture in pictures] == [((0, 0),) * 3] * 2
    assert pictures[0].size == taught.reel.fetch([0.0])[0].size
