"""A small distillation from files to trajectories, by a server on a real socket."""

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from stages.distill import main
from tests.endpoint.conftest import HERE, hasty
from tests.stages.training import BUDGET, clip, world
from tests.train.conftest import PARAMS, lessons
from tests.world import label
from touchline.chat.dialogue import DEFAULT_DIALOGUE
from touchline.config import load_params_section
from touchline.records.label import Label
from touchline.records.question import Question
from touchline.records.table import read_records, write_records
from touchline.records.trajectory import Trajectory
from touchline.records.verdict import TeacherVerdict
from touchline.teacher.teacher import DistillParams

__all__ = ["hasty"]
NAMES = {"foul": "Foul", "goal": "Goal", "corner": "Corner"}


@pytest.fixture(autouse=True)
def replies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOUCHLINE_REPLIES", str(tmp_path / "replies"))


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Questions of every task, with clips, labels and frames, in `data` beside a params.yaml."""
    data, taught = tmp_path / "data", lessons(2)
    world(data, taught)
    questions = [t.question for t in taught]
    seen = {q.video: q for q in questions if q.evidence}
    labels = [
        replace(label(NAMES.get(q.action, "Foul"), clip(q).start + 30), id=video, video=video)
        for video, q in seen.items()
        if q.sport == "soccer"
    ]
    spotting = [q for q in questions if q.task in ("spotting", "open") and q.sport == "soccer"]
    write_records(data / "questions/questions.parquet", Question, spotting)
    write_records(data / "manifest/labels.parquet", Label, labels)
    shutil.copy(PARAMS, tmp_path)
    return tmp_path


def served(url: str, **changes: Any) -> DistillParams:
    """The section, with the teacher at `url`; `judging` may be given an address of its own."""
    given = load_params_section(DistillParams, "distill", PARAMS)
    endpoint = HERE.model_copy(update={"url": url, "model": "scripted", "metadata": True})
    judging = endpoint.model_copy(update={"url": changes.pop("judging", url), "model": "judge"})
    endpoint = endpoint.model_copy(update=changes.pop("endpoint", {}))
    more = {"endpoint": endpoint, "judging": judging} | changes
    return DistillParams(
        teacher="served", vague=0.0, jitter=0, served=given.served.model_copy(update=more)
    )


def distilled(
    distill: DistillParams, root: Path, out: str = "out"
) -> tuple[dict, list[Trajectory]]:
    data = root / "data"
    folders = [data / name for name in ("manifest", "clips", "questions", "frames")]
    measured = main(distill, BUDGET, DEFAULT_DIALOGUE, *folders, root / out)
    return measured, read_records(root / out / "trajectories.parquet", Trajectory)


def reasons(root: Path, out: str = "out") -> list[str]:
    rows = pq.read_table(root / out / "ledger.parquet").to_pylist()
    return sorted({row["reason"].removeprefix("teacher: ") for row in rows})


def verdicts(root: Path, out: str = "out") -> list[TeacherVerdict]:
    return read_records(root / out / "verdicts.parquet", TeacherVerdict)
