"""Clips of noise, questions about them and lessons of a stated length, for benchmarks/gpu.py."""

import io
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from touchline.chat.messages import load_frames_by_clip
from touchline.chat.tools.choose_frames import FrameBudget, ToolSession
from touchline.model.generate import ConversationWithFrames
from touchline.model.params import TinyParams
from touchline.model.tiny import build_tiny_model
from touchline.model.tiny_vocabulary import list_vocabulary_phrases
from touchline.records.clip import Clip
from touchline.records.question import Question
from touchline.records.table import index_by_id, write_records
from touchline.records.trajectory import Trajectory
from touchline.tasks.trajectory import build_trajectory
from touchline.video.frame_store import (
    FRAME_STORE_SCHEMA,
    STEP_METADATA_KEY,
    THUMBNAIL_CELLS,
    FrameStore,
    get_frame_store_path,
)

SECONDS = 60
CALL = '<tool_call>\n{"name": "choose_frames", "arguments": {"start": "0:10", "end": "0:50"}}\n'


@dataclass(frozen=True)
class Made:
    """Folders and rows as the training stages read them; `base` holds a tiny model."""

    root: Path
    budget: FrameBudget
    lessons: list[dict[str, Any]] = field(default_factory=list)
    questions: dict[str, Question] = field(default_factory=dict)

    @property
    def frames(self) -> Path:
        return self.root / "frames"

    @property
    def clips(self) -> Path:
        return self.root / "clips"

    @property
    def base(self) -> Path:
        return self.root / "base"


def make(root: Path, tiny: TinyParams, budget: FrameBudget, words: int, rows: int) -> Made:
    """`rows` clips, each with a question and a lesson of two thoughts of `words` words."""
    made = Made(root, budget)
    clips = [_clip(number, budget) for number in range(rows)]
    write_records(made.clips / "clips.parquet", Clip, clips)
    for number, clip in enumerate(clips):
        _film(get_frame_store_path(made.frames, clip.video), number, budget.width, budget.height)
    shown = load_frames_by_clip(FrameStore(made.frames), made.clips, budget)
    asked = [_question(clip) for clip in clips]
    made.questions.update(index_by_id(asked))
    thought = " ".join(f"word{n % 97}" for n in range(words))
    taught = [_lesson(q, ToolSession(shown[q.clip], budget), thought) for q in asked]
    made.lessons.extend(
        {"messages": t.messages, "clip": q.clip, "images": []}
        for t, q in zip(taught, asked, strict=True)
    )
    texts = sorted({thought, *(q.text for q in asked)})
    build_tiny_model(tiny, texts, list_vocabulary_phrases(texts), made.base)
    return made


def _clip(number: int, budget: FrameBudget) -> Clip:
    video = f"noise/{number}/1"
    return Clip(
        f"{video}@0-{SECONDS}", video, "noise", "soccer", f"soccer-{number}", "CC0-1.0", "open",
        0.0, float(SECONDS), SECONDS, False,
    )  # fmt: skip


def _film(path: Path, seed: int, width: int, height: int) -> None:
    """One frame of blotches a second: as costly to decode as a picture, unlike plain noise."""
    draw = np.random.default_rng(seed)
    rows = []
    for second in range(SECONDS):
        coarse = draw.integers(0, 255, (max(height // 16, 1), max(width // 16, 1), 3), np.uint8)
        file = io.BytesIO()
        Image.fromarray(coarse).resize((width, height)).save(file, "JPEG", quality=85)
        known = {"time": float(second), "width": width, "height": height}
        rows.append(known | {"jpeg": file.getvalue(), "look": bytes(THUMBNAIL_CELLS**2)})
    path.parent.mkdir(parents=True, exist_ok=True)
    schema = FRAME_STORE_SCHEMA.with_metadata({STEP_METADATA_KEY: b"1.0"})
    pq.write_table(pa.Table.from_pylist(rows, schema=schema), path, row_group_size=SECONDS)


def _question(clip: Clip) -> Question:
    return Question(
        f"q:{clip.id}", clip.id, clip.video, clip.source, clip.sport, clip.match, "train",
        "open", "", "What happens in this clip?", [], "A player scores.", [],
    )  # fmt: skip


def _lesson(question: Question, viewing: ToolSession, thought: str) -> Trajectory:
    """A thought and a call, the frames it shows, a thought and the answer."""
    attempt = ConversationWithFrames(question, viewing)
    attempt.add_model_turn(f"<think>\n{thought}\n</think>\n\n{CALL}</tool_call>")
    attempt.add_model_turn(f"<think>\n{thought}\n</think>\n\n{question.truth}")
    return build_trajectory("made-up", question, attempt.messages, viewing)
