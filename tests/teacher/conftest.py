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
from touchline.chat.dialogue import PLAIN
from touchline.config import section
from touchline.records import Label, Question, Trajectory, Verdict, read, write
from touchline.teacher.teacher import Distill

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
    write(data / "questions/questions.parquet", Question, spotting)
    write(data / "manifest/labels.parquet", Label, labels)
    shutil.copy(PARAMS, tmp_path)
    return tmp_path


def served(url: str, **changes: Any) -> Distill:
    """The section, with the teacher at `url`; `judging` may be given an address of its own."""
    given = section(Distill, "distill", PARAMS)
    endpoint = HERE.model_copy(update={"url": url, "model": "scripted", "metadata": True})
    judging = endpoint.model_copy(update={"url": changes.pop("judging", url), "model": "judge"})
    endpoint = endpoint.model_copy(update=changes.pop("endpoint", {}))
    more = {"endpoint": endpoint, "judging": judging} | changes
    return Distill(
        teacher="served", vague=0.0, jitter=0, served=given.served.model_copy(update=more)
    )


def distilled(distill: Distill, root: Path, out: str = "out") -> tuple[dict, list[Trajectory]]:
    data = root / "data"
    folders = [data / name for name in ("manifest", "clips", "questions", "frames")]
    measured = main(distill, BUDGET, PLAIN, *folders, root / out)
    return measured, read(root / out / "trajectories.parquet", Trajectory)


def reasons(root: Path, out: str = "out") -> list[str]:
    rows = pq.read_table(root / out / "ledger.parquet").to_pylist()
    return sorted({row["reason"].removeprefix("teacher: ") for row in rows})


def verdicts(root: Path, out: str = "out") -> list[Verdict]:
    return read(root / out / "verdicts.parquet", Verdict)
