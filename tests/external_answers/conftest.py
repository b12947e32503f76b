"""A made-up evaluation on disk, as `touchline score` finds it."""

import json
from collections.abc import Iterable
from pathlib import Path
from random import Random
from typing import Any

import pytest

from tests.report.conftest import evaluated
from tests.world import BUDGETS
from touchline.chat.dialogue import DEFAULT_DIALOGUE
from touchline.external_answers.score import ExternalEvalSet, ScoringParams, open_external_eval_set
from touchline.records.caption import Caption
from touchline.records.clip import Clip
from touchline.records.question import Question
from touchline.records.table import write_records
from touchline.records.trajectory import Trajectory

RULE = ScoringParams(theta=0.3, seed=7, interval=12, judge=None)


@pytest.fixture
def made() -> Any:
    """What the tests of the report are made of: questions of four tasks, answers of models."""
    return evaluated(Random(7))


@pytest.fixture
def asked(made: Any, tmp_path: Path) -> ExternalEvalSet:
    """The questions of that evaluation on disk, no frame store beside them."""
    write_records(tmp_path / "clips/clips.parquet", Clip, made.clips.values())
    write_records(tmp_path / "questions/questions.parquet", Question, made.questions.values())
    write_records(tmp_path / "captions/captions.parquet", Caption, [])
    return opened(tmp_path)


def opened(root: Path) -> ExternalEvalSet:
    places = [root / name for name in ("clips", "captions", "questions")]
    return open_external_eval_set(*places, BUDGETS["tiny"], DEFAULT_DIALOGUE, "test")


def exported(path: Path, rows: Iterable[Trajectory]) -> Path:
    """A run's own answers as lines."""
    lines = [
        {"question": r.question, "answer": r.answer, "valid": r.valid, "windows": r.windows,
         "frames": r.frames}
        for r in rows
    ]  # fmt: skip
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return path
