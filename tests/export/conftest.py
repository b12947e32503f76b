"""Test questions on disk, with frames, made of nothing."""

from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from tests.frames import stored
from tests.world import RULES, question_of, scenes_of
from touchline.chat.dialogue import DEFAULT_DIALOGUE
from touchline.chat.tools.choose_frames import FrameBudget
from touchline.config import load_params_section
from touchline.evaluation.test_set import EvalSet
from touchline.records.caption import Caption
from touchline.records.clip import Clip
from touchline.records.question import Question
from touchline.records.table import write_records
from touchline.tasks import TASKS
from touchline.video.frame_store import get_frame_store_path

PARAMS = Path(__file__).parents[2] / "params.yaml"
ASKED = ("spotting", "open", "counting", "choice", "score")


def questions_of(count: int = 12) -> list[tuple[Clip, Question]]:
    every = [
        (view.clip, question_of(task, view, draft))
        for sport in ("soccer", "badminton", "basketball", "diving")
        for view in scenes_of(sport)[:count]
        for task in ASKED
        for draft in TASKS[task].ask(view, RULES, Random(view.clip.id))
    ]
    return [(clip, replace(question, split="test")) for clip, question in every]


@pytest.fixture
def bench(tmp_path: Path) -> EvalSet:
    asked = [pair for pair in questions_of(4) if pair[1].task in ("spotting", "open", "counting")]
    clips = {clip.id: clip for clip, _ in asked}
    write_records(tmp_path / "clips/clips.parquet", Clip, clips.values())
    write_records(tmp_path / "questions/questions.parquet", Question, [q for _, q in asked])
    write_records(tmp_path / "captions/captions.parquet", Caption, [])
    for clip in clips.values():
        stored(get_frame_store_path(tmp_path / "frames", clip.video), seconds=160)
    paths = [tmp_path / name for name in ("clips", "captions", "questions", "frames")]
    return EvalSet(*paths, load_params_section(FrameBudget, "budget", PARAMS), DEFAULT_DIALOGUE)
