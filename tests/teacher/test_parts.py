"""A course in parts, each sent to another process, teaches what the whole course does."""

import json
import pickle
from pathlib import Path

import pytest

from tests.stages.training import BUDGET
from tests.teacher.conftest import PARAMS
from tests.video.test_cluster import address, scheduler
from touchline.chat.dialogue import DEFAULT_DIALOGUE
from touchline.checks.duplicate_matches.by_picture import (
    find_duplicates_by_picture,
    load_motion_trace,
    match_motion_traces,
)
from touchline.config import load_params_section
from touchline.records.clip import Clip
from touchline.records.label import Label
from touchline.records.question import Question
from touchline.records.table import group_by_field, index_by_id, read_records
from touchline.teacher.scripted import run_scripted_teacher, teach_job_questions
from touchline.teacher.teacher import DistillParams, TeachingJob
from touchline.video.workers import open_worker_pool

__all__ = ["address", "scheduler"]


def course(root: Path) -> TeachingJob:
    data = root / "data"
    return TeachingJob(
        read_records(data / "questions/questions.parquet", Question),
        index_by_id(read_records(data / "clips/clips.parquet", Clip)),
        group_by_field(read_records(data / "manifest/labels.parquet", Label), "video"),
        data / "frames",
        BUDGET,
        DEFAULT_DIALOGUE,
        load_params_section(DistillParams, "distill", PARAMS).served,
    )


def test_parts_are_in_order_small_and_teach_the_same_wherever_they_are_opened(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(checkout)
    whole = course(Path())
    together = teach_job_questions(whole)
    parts = list(whole.split_by_video())
    assert [q for part in parts for q in part.questions] == list(whole.questions)
    assert len(parts) > 1 and all(len({q.video for q in part.questions}) == 1 for part in parts)
    assert all(len(part.labels) == 1 for part in parts)
    sent = [pickle.dumps(part) for part in parts]
    monkeypatch.chdir("/")  # where a worker of another machine stands
    apart = [one for part in sent for one in teach_job_questions(pickle.loads(part))]
    assert apart == together and json.loads(apart[0].trajectory.messages)  # type: ignore[union-attr]
    assert list(run_scripted_teacher(course(checkout))) == together


@pytest.mark.slow
def test_a_cluster_teaches_and_looks_for_doubles_as_this_process_does(
    checkout: Path, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(checkout)
    here = course(Path())
    videos = {q.video: (q.sport, q.match) for q in here.questions}
    assert list(run_scripted_teacher(here)) == teach_job_questions(here) and len(videos) > 1
    with open_worker_pool(1) as executor:
        found = find_duplicates_by_picture(here.frames, videos, executor)
    assert found == match_motion_traces(
        [load_motion_trace(here.frames, *row) for row in videos.items()]
    )
