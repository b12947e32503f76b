"""A course in parts, each sent to another process, teaches what the whole course does."""

import json
import pickle
from pathlib import Path

import pytest

from tests.stages.training import BUDGET
from tests.teacher.conftest import PARAMS
from tests.video.test_cluster import address, scheduler
from touchline.chat.dialogue import PLAIN
from touchline.checks.duplicate_matches.by_picture import by_picture, same, traced
from touchline.config import section
from touchline.records import Clip, Label, Question, by_id, grouped, read
from touchline.teacher.scripted import lessons, taught_of
from touchline.teacher.teacher import Course, Distill
from touchline.video.workers import pool

__all__ = ["address", "scheduler"]


def course(root: Path) -> Course:
    data = root / "data"
    return Course(
        read(data / "questions/questions.parquet", Question),
        by_id(read(data / "clips/clips.parquet", Clip)),
        grouped(read(data / "manifest/labels.parquet", Label), "video"),
        data / "frames",
        BUDGET,
        PLAIN,
        section(Distill, "distill", PARAMS).served,
    )


def test_parts_are_in_order_small_and_teach_the_same_wherever_they_are_opened(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(checkout)
    whole = course(Path())
    together = taught_of(whole)
    parts = list(whole.parts())
    assert [q for part in parts for q in part.questions] == list(whole.questions)
    assert len(parts) > 1 and all(len({q.video for q in part.questions}) == 1 for part in parts)
    assert all(len(part.labels) == 1 for part in parts)
    sent = [pickle.dumps(part) for part in parts]
    monkeypatch.chdir("/")  # where a worker of another machine stands
    apart = [one for part in sent for one in taught_of(pickle.loads(part))]
    assert apart == together and json.loads(apart[0].trajectory.messages)  # type: ignore[union-attr]
    assert list(lessons(course(checkout))) == together


def test_a_cluster_teaches_and_looks_for_doubles_as_this_process_does(
    checkout: Path, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(checkout)
    here = course(Path())
    videos = {q.video: (q.sport, q.match) for q in here.questions}
    assert list(lessons(here)) == taught_of(here) and len(videos) > 1
    with pool(1) as executor:
        found = by_picture(here.frames, videos, executor)
    assert found == same([traced(here.frames, *row) for row in videos.items()])
