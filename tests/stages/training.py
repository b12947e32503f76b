"""What the training stages read, on disk: a few trajectories and frames of one colour each.

The stages are imported when they run: with torch and TRL that costs 20 CPU seconds.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ruamel.yaml import YAML

from tests.frames import stored
from tests.train.conftest import BUDGET, PARAMS, Taught
from tests.world import clip_of
from touchline.chat.dialogue import DEFAULT_DIALOGUE, Dialogue
from touchline.config import Params, load_params_section
from touchline.model.trained_with import ClipShape, QuestionShape
from touchline.records.clip import Clip
from touchline.records.question import Question
from touchline.records.table import read_records, write_records
from touchline.records.trajectory import Trajectory
from touchline.video.frame_store import get_frame_store_path

if TYPE_CHECKING:
    from stages.rl import RlParams
    from stages.sft import SftParams
    from touchline.model.params import StudentParams

FULL = {"kind": "full", "rank": 4, "alpha": 8, "dropout": 0.0}
SMALL = {"per_device_train_batch_size": 2, "logging_steps": 1, "save_steps": 2}


@dataclass(frozen=True)
class World:
    """Folders of one run; `sft` and `rl` run the stages' own main."""

    root: Path

    def student(self, **changes: Any) -> StudentParams:
        from touchline.model.params import StudentParams

        given = load_params_section(StudentParams, "student", PARAMS)
        return given.model_copy(update={"processes": 1} | changes)

    def sft_params(self, steps: int, tuning: dict | None = None, **trainer: Any) -> SftParams:
        from stages.sft import SftParams

        given = load_params_section(SftParams, "sft", PARAMS).model_dump()
        given["trainer"] |= SMALL | trainer
        return SftParams(**given | {"steps": steps, "tuning": tuning or FULL})

    def sft(
        self, params: SftParams, model: str = "sft", student: dict[str, Any] | None = None
    ) -> dict[str, float]:
        from stages.sft import main

        paths = [self.root / name for name in ("clips", "questions", "frames", "accepted")]
        made = [self.root / name for name in ("base", model)]
        how = (
            BUDGET,
            DEFAULT_DIALOGUE,
            load_params_section(ClipShape, "chunk", PARAMS),
            load_params_section(QuestionShape, "ask", PARAMS),
        )
        return main(params, self.student(**student or {}), *how, *paths, *made)

    def run(
        self,
        stage: str,
        program: Sequence[str],
        model: str,
        student: dict[str, Any],
        given: Params,
    ) -> subprocess.CompletedProcess:
        """A training stage in processes of its own, as DVC would start it."""
        every = YAML(typ="safe").load(PARAMS)
        every["student"] |= student
        every |= {stage: given.model_dump(), "budget": BUDGET.model_dump()}
        YAML(typ="safe").dump(every, self.root / "params.yaml")
        names = {"sft": ("accepted", "base"), "rl": ("start",)}[stage]
        places = {name: name for name in ("clips", "questions", "frames", *names)}
        places |= {"start": "sft"} if stage == "rl" else {}
        places |= {"model": model, "metrics": "metrics.json", "params": "params.yaml"}
        flags = [word for k, v in places.items() for word in (f"--{k}", str(self.root / v))]
        return subprocess.run(
            [sys.executable, *program, *flags],
            env=os.environ | {"OMP_NUM_THREADS": "1"}, cwd=PARAMS.parent,
            capture_output=True, text=True, timeout=1200, check=False,
        )  # fmt: skip

    def hide(self, clips: int) -> None:
        """Take the frames of the first so many clips away, as where the video is not here."""
        file = self.root / "clips/clips.parquet"
        rows = read_records(file, Clip)
        rows[:clips] = [replace(clip, frames=0) for clip in rows[:clips]]
        for video in {clip.video for clip in rows if not clip.frames}:
            get_frame_store_path(self.root / "frames", video).unlink(missing_ok=True)
        write_records(file, Clip, rows)

    def rl_params(
        self,
        steps: int,
        weights: dict[str, float] | None = None,
        tuning: dict[str, Any] | None = None,
        stop: dict[str, float] | None = None,
    ) -> RlParams:
        from stages.rl import RlParams

        given = load_params_section(RlParams, "rl", PARAMS).model_dump()
        given["reward"]["weights"] |= weights or {}
        given["trainer"] |= SMALL | {"num_generations": 2, "max_completion_length": 64}
        given["stop"] |= stop or {}
        return RlParams(**given | {"steps": steps, "turn_tokens": 8, "tuning": tuning or FULL})

    def rl(
        self,
        steps: int,
        start: str = "sft",
        dialogue: Dialogue = DEFAULT_DIALOGUE,
        weights: dict[str, float] | None = None,
        tuning: dict[str, Any] | None = None,
        stop: dict[str, float] | None = None,
        **student: Any,
    ) -> dict[str, float]:
        from stages.rl import main

        params = self.rl_params(steps, weights, tuning, stop)
        paths = [self.root / name for name in ("clips", "questions", "frames", start)]
        return main(params, self.student(**student), BUDGET, dialogue, *paths, self.root / "rl")


def world(root: Path, taught: list[Taught]) -> World:
    """Write the inputs of SFT and RL."""
    clips = {t.question.clip: clip(t.question) for t in taught}
    write_records(root / "clips/clips.parquet", Clip, clips.values())
    write_records(root / "questions/questions.parquet", Question, [t.question for t in taught])
    write_records(
        root / "accepted/trajectories.parquet", Trajectory, [t.trajectory for t in taught]
    )
    for video in {one.video for one in clips.values()}:
        stored(get_frame_store_path(root / "frames", video))
    return World(root)


def clip(question: Question) -> Clip:
    return clip_of(question.sport, question.match.split("-", 1)[1], start=100.0)
