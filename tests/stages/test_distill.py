"""The teacher is asked about training questions only, from the frames of the store."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from stages.distill import main
from tests.stages.training import BUDGET, clip, world
from tests.train.conftest import PARAMS, lessons
from tests.world import label
from touchline.chat.dialogue import DEFAULT_DIALOGUE
from touchline.config import load_params_section
from touchline.records.label import Label
from touchline.records.question import Question
from touchline.records.table import read_records, write_records
from touchline.records.trajectory import Trajectory
from touchline.teacher.teacher import DistillParams


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    taught = [t for t in lessons(2) if t.question.task == "spotting"]
    world(tmp_path, taught)
    questions = [t.question for t in taught]
    seen = {q.video: q for q in questions if q.evidence}
    names = {"foul": "Foul", "goal": "Goal", "corner": "Corner"}
    labels = [
        replace(label(names.get(q.action, "Foul"), clip(q).start + 30), id=video, video=video)
        for video, q in seen.items()
    ]
    hidden = [replace(q, id=f"{q.id}-{split}", split=split) for q in questions[:2]
              for split in ("val", "test")]  # fmt: skip
    write_records(tmp_path / "questions/questions.parquet", Question, [*questions, *hidden])
    write_records(tmp_path / "manifest/labels.parquet", Label, labels)
    return tmp_path


def distilled(folder: Path) -> tuple[dict[str, float], list[Trajectory]]:
    read_from = [folder / name for name in ("manifest", "clips", "questions", "frames")]
    measured = main(
        load_params_section(DistillParams, "distill", PARAMS),
        BUDGET,
        DEFAULT_DIALOGUE,
        *read_from,
        folder / "out",
    )
    return measured, read_records(folder / "out/trajectories.parquet", Trajectory)


def test_only_training_questions_are_taught_and_every_question_has_a_fate(folder: Path):
    measured, taught = distilled(folder)
    every = read_records(folder / "questions/questions.parquet", Question)
    assert {t.question for t in taught} == {q.id for q in every if q.split == "train"}
    assert measured["rows"] == len(every)
    assert measured["dropped"] == 4
    assert 0 < measured["calls"] <= 1


def test_trajectories_are_valid_and_name_frames_of_their_clips(folder: Path):
    _, taught = distilled(folder)
    assert all(t.valid and t.score == 1 and t.frames >= BUDGET.first for t in taught)
    for trajectory in taught:
        blocks = [b for m in json.loads(trajectory.messages) for b in m["content"]]
        times = [block["time"] for block in blocks if block["type"] == "image"]
        assert len(times) == trajectory.frames
        assert set(times) <= set(map(float, range(60)))


def test_equal_inputs_give_equal_bytes(folder: Path):
    files = []
    for _ in range(2):
        distilled(folder)
        files.append((folder / "out/trajectories.parquet").read_bytes())
    assert files[0] == files[1]
