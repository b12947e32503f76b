"""A bench on disk, and answers kept in the test's own folder."""

from dataclasses import replace
from pathlib import Path

import pytest

from tests.evaluation.parrot import fresh
from tests.stages.training import world
from tests.train.conftest import kit, lessons  # noqa: F401
from touchline.evaluation.test_set import EvalSet
from touchline.records.caption import Caption
from touchline.records.question import Question
from touchline.records.table import write_records


@pytest.fixture(autouse=True)
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOUCHLINE_CHECKPOINTS", str(tmp_path / "state/checkpoints"))
    monkeypatch.setenv("TOUCHLINE_REPLIES", str(tmp_path / "state/replies"))


@pytest.fixture
def bench(tmp_path: Path) -> EvalSet:
    taught = lessons(1)
    world(tmp_path, taught)
    test = [
        replace(
            t.question, id=f"{t.question.id}-test", split="test", text=f"{i}: {t.question.text}"
        )
        for i, t in enumerate(taught)
    ]
    train = [t.question for t in taught]
    write_records(tmp_path / "questions/questions.parquet", Question, [*train, *test])
    lines = [
        Caption(f"c{i}", clip, 3.0, 6.0, "And a foul.", "t")
        for i, clip in enumerate(sorted({q.clip for q in test}))
    ]
    write_records(tmp_path / "captions/captions.parquet", Caption, lines)
    return fresh(tmp_path)
