"""Each planted fault is caught by the gate that promises it, and the page says so."""

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from stages.validate import ValidateParams, main
from touchline import licence
from touchline.chat.dialogue import DEFAULT_DIALOGUE
from touchline.chat.tools.choose_frames import FrameBudget, build_frame_blocks
from touchline.checks.tables.great_expectations import CheckOutcome
from touchline.checks.tables.run import PipelineRecords, validate_records
from touchline.errors import InputError
from touchline.ledger import RowLedger
from touchline.licence import LicenceParams
from touchline.records.caption import Caption
from touchline.records.clip import Clip
from touchline.records.question import Question
from touchline.records.table import read_records, write_records
from touchline.records.trajectory import Trajectory
from touchline.records.video import Video

BUDGET = FrameBudget(first=8, call=8, stride=3, calls=2, width=64, height=32)
LIMITS = ValidateParams(
    fail_on="critical", max_dropped=0.2, least_looking=0.5, least_of_task=0.02, absent=(0.2, 0.8)
)
HOSTILE = "<script>alert(1)</script>"


@dataclass
class Data:
    """Sound input of the stage; a test spoils one thing."""

    videos: list[Video]
    clips: list[Clip]
    captions: list[Caption]
    questions: list[Question]
    trajectories: list[Trajectory]

    def spoil(self, name: str, place: int, **fields: Any) -> None:
        rows = getattr(self, name)
        rows[place] = replace(rows[place], **fields)

    def records(self) -> PipelineRecords:
        return PipelineRecords(
            self.videos, self.clips, self.captions, self.questions, self.trajectories
        )

    def run(self, folder: Path, limits: ValidateParams = LIMITS) -> dict[str, float]:
        tables = {
            "manifest/videos": (Video, self.videos),
            "clips/clips": (Clip, self.clips),
            "captions/captions": (Caption, self.captions),
            "questions/questions": (Question, self.questions),
            "trajectories/trajectories": (Trajectory, self.trajectories),
        }
        for name, (kind, rows) in tables.items():
            write_records(folder / f"{name}.parquet", kind, rows)
            ledger = RowLedger(["one", "two"])
            ledger.keep("one")
            ledger.drop("two", "too dark to see")
            ledger.close(folder / name.split("/")[0] / "ledger.parquet")
        inputs = [folder / name.split("/")[0] for name in tables]
        licence.write_product_terms(folder / "manifest", licence.collect_source_terms(self.videos))
        return main(
            limits, BUDGET, DEFAULT_DIALOGUE, LicenceParams(inside=[]), *inputs, folder / "accepted"
        )


@pytest.fixture
def data() -> Data:
    return sound()


def sound() -> Data:
    videos = [_video(match) for match in range(4)]
    clips = [_clip(video, start) for video in videos for start in (0, 60)]
    captions = [
        Caption(f"{clip.id}/{i}", clip.id, 5.0 * i, 5.0 * i + 4, "They move it on.", "test")
        for clip in clips
        for i in range(3)
    ]
    questions = [question for i, clip in enumerate(clips) for question in _questions(clip, i < 6)]
    taught = [_taught(question) for question in questions if question.split == "train"]
    return Data(videos, clips, captions, questions, taught)


def _video(match: int) -> Video:
    return Video(
        id=f"s/m{match}/1", source="s", sport="soccer", match=f"m{match}", part="1", path="x.mkv",
        sha256="0" * 64, bytes=1, licence="CC0-1.0", terms="open", codec="h264", width=398,
        height=224, fps=25.0, frames=3000, duration=120.0, start=0.0, longest_gap=0.04,
        edit_list=False, keyframes=[0.0],
    )  # fmt: skip


def _clip(video: Video, start: int) -> Clip:
    return Clip(
        f"{video.id}@{start}", video.id, "s", "soccer", video.match, "CC0-1.0", "open",
        float(start), start + 60.0, 60, False,
    )  # fmt: skip


def _questions(clip: Clip, train: bool) -> list[Question]:
    present = _question(clip, "spotting", "A foul occurs at (0:16, 0:28).", [16.0, 28.0], "foul")
    absent = _question(clip, "spotting", "No goal occurs in this clip.", [], "goal")
    told = _question(clip, "open", "A foul.", [16.0, 28.0], "")
    return [replace(q, split="train" if train else "test") for q in (present, absent, told)]


def _question(clip: Clip, task: str, truth: str, evidence: list[float], action: str) -> Question:
    return Question(
        f"{clip.id}?{task}{action}", clip.id, clip.video, "s", "soccer", clip.match, "train", task,
        action, "Find it.", [], truth, evidence,
    )  # fmt: skip


def _taught(question: Question) -> Trajectory:
    shown = build_frame_blocks([float(t) for t in range(4, 60, 7)])
    messages = json.dumps([{"role": "user", "content": shown}])
    return Trajectory(
        f"teacher/{question.id}", question.id, "teacher.scripted", "train", "soccer",
        question.task, question.match, messages, question.truth, 1.0, True, [10.0, 31.0], 8,
    )  # fmt: skip


def test_sound_data_passes_whole(data: Data, tmp_path: Path):
    totals = data.run(tmp_path)
    assert (totals["kept"], totals["dropped"], totals["warnings"]) == (18, 0, 0)
    assert read_records(tmp_path / "accepted/trajectories.parquet", Trajectory) == data.trajectories
    gates = json.loads((tmp_path / "accepted/gates.json").read_text())
    assert len(gates["checks"]) == totals["checks"] == gates["counts"]["passed"]


FAULTS: dict[str, tuple[str, int, dict[str, Any]]] = {
    "a clip lies inside its video": ("clips", 1, {"end": 130.0}),
    "a clip names its licence": ("clips", 2, {"licence": ""}),
    "the terms of a clip are known": ("clips", 3, {"terms": "borrowed"}),
    "the sport of a clip is known": ("clips", 4, {"sport": "chess"}),
    "a clip whose video is here has frames in the store": ("clips", 5, {"frames": 0}),
    "a clip belongs to its video's match": ("clips", 6, {"match": "m9"}),
    "a caption lies inside its clip and ends after it starts": ("captions", 2, {"end": 61.0}),
    "the clip of a caption is known": ("captions", 5, {"clip": "none"}),
    "captions of a clip come in order of time": ("captions", 7, {"start": -1.0}),
    "a caption says something": ("captions", 9, {"text": "  "}),
    "the task of a question is known": ("questions", 0, {"task": "guessing"}),
    "the split of a question is known": ("questions", 2, {"split": "exam"}),
    "the sport of a question is known": ("questions", 3, {"sport": "chess"}),
    "a truth scores 1.0 under its own task": (
        "questions",
        5,
        {"task": "choice", "truth": "travelling"},
    ),
    "the truth of a choice is among its options": (
        "questions",
        8,
        {"task": "choice", "options": ["a", "b", "c", "d"], "truth": "B. c"},
    ),
    "a spotting truth says where its evidence is": ("questions", 6, {"evidence": [17.0, 29.0]}),
    "evidence lies inside a known clip": ("questions", 11, {"evidence": [50.0, 70.0]}),
    "a question has words": ("questions", 12, {"text": ""}),
    "its question is known": ("trajectories", 0, {"question": "nobody asked"}),
    "it is of the training split": ("trajectories", 1, {"split": "test"}),
    "it keeps the format": ("trajectories", 2, {"valid": False}),
    "its answer scores 1.0": ("trajectories", 3, {"score": 0.5}),
    "its answer scores 1.0 when judged again": ("trajectories", 9, {"answer": "There is none."}),
    "its tool windows lie inside the clip": ("trajectories", 10, {"windows": [50.0, 90.0]}),
    "it stays within the frame budget": ("trajectories", 13, {"frames": 25}),
    "its messages show as many pictures as it counts": ("trajectories", 14, {"messages": "none"}),
}


@pytest.fixture(scope="module")
def spoilt() -> tuple[Data, dict[str, CheckOutcome]]:
    """All faults planted at once, each in a row of its own, and what the gates found."""
    data = sound()
    for name, place, fields in FAULTS.values():
        data.spoil(name, place, **fields)
    found = validate_records(data.records(), LIMITS, BUDGET)
    return data, {outcome.says: outcome for outcome in found.outcomes}


@pytest.mark.parametrize("promise", FAULTS)
def test_each_planted_fault_is_caught_by_its_gate(
    promise: str, spoilt: tuple[Data, dict[str, CheckOutcome]]
):
    data, outcomes = spoilt
    name, place, _ = FAULTS[promise]
    assert not outcomes[promise].passed
    assert getattr(data, name)[place].id in outcomes[promise].failing


def test_a_gate_names_the_faulty_row_alone(spoilt: tuple[Data, dict[str, CheckOutcome]]):
    data, outcomes = spoilt
    assert outcomes["it keeps the format"].failing == (data.trajectories[2].id,)
    assert outcomes["a caption says something"].failing == (data.captions[9].id,)
    assert outcomes["a clip lies inside its video"].failing == (data.clips[1].id,)


def test_too_many_dropped_rows_stop_the_stage(spoilt: tuple[Data, dict[str, CheckOutcome]]):
    outcome = spoilt[1]["at most 20% of the trajectories are dropped"]
    assert (outcome.passed, outcome.severity) == (False, "critical")


def test_a_match_in_two_splits_stops_the_stage_and_leaves_nothing(data: Data, tmp_path: Path):
    data.spoil("questions", 0, split="test")
    with pytest.raises(InputError, match=r"exactly one split: 6 of 24 fail \(s/m0/1@0") as fault:
        data.run(tmp_path)
    assert fault.value.place == "questions.splits_of_match"
    assert not (tmp_path / "accepted").exists()


def test_two_rows_of_one_id_an_overlap_in_test_and_no_test_are_caught():
    data = sound()
    data.spoil("questions", 1, id=data.questions[0].id)
    data.spoil("clips", 7, overlaps=True)
    found = {o.says: o for o in validate_records(data.records(), LIMITS, BUDGET).outcomes}
    assert found["no two rows share the id of a question"].failing == (data.questions[0].id,) * 2
    overlap = found["no question outside of training is about an overlap"].failing
    assert set(overlap) == {q.id for q in data.questions if q.clip == data.clips[7].id}
    data.questions, data.clips = data.questions[:18], []
    found = {o.says: o for o in validate_records(data.records(), LIMITS, BUDGET).outcomes}
    assert found["training and test have questions"].observed == "missing: test"
    assert not found["there is at least one clip"].passed


def test_a_faulty_trajectory_is_dropped_with_its_reason(data: Data, tmp_path: Path):
    data.spoil("trajectories", 3, valid=False, id=HOSTILE)
    totals = data.run(tmp_path)
    assert (totals["kept"], totals["dropped"]) == (17, 1)
    kept = read_records(tmp_path / "accepted/trajectories.parquet", Trajectory)
    assert HOSTILE not in {row.id for row in kept}
    page = (tmp_path / "accepted/page.html").read_text(encoding="utf-8")
    assert "not so: it keeps the format" in page
    assert "too dark to see" in page
    assert HOSTILE not in page
    assert "&lt;script&gt;" in page


def test_trajectories_that_never_look_again_are_a_warning_or_a_stop(data: Data, tmp_path: Path):
    data.captions = []  # a sport without commentary is not a fault
    data.trajectories = [replace(row, windows=[]) for row in data.trajectories]
    assert data.run(tmp_path)["warnings"] == 1
    with pytest.raises(InputError, match="look again"):
        data.run(tmp_path, LIMITS.model_copy(update={"fail_on": "warning"}))


def test_the_products_are_offline_and_the_same_each_time(data: Data, tmp_path: Path):
    data.run(tmp_path)
    products = {p.name: p.read_bytes() for p in (tmp_path / "accepted").iterdir()}
    data.run(tmp_path)
    assert products == {p.name: p.read_bytes() for p in (tmp_path / "accepted").iterdir()}
    assert set(products) == {
        "trajectories.parquet",
        "ledger.parquet",
        "gates.json",
        "page.html",
        "terms.json",
    }
    assert b"http://" not in products["page.html"]
    assert b"https://" not in products["page.html"]
