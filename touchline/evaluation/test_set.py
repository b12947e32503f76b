"""The evaluation set: the questions of one split with their clips, frames and captions."""

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from functools import cached_property
from pathlib import Path
from typing import Any

from touchline.chat.dialogue import Dialogue
from touchline.chat.messages import NO_FRAMES, load_clip_frames
from touchline.chat.tools.choose_frames import FrameBudget
from touchline.errors import InputError
from touchline.evaluation.candidates.candidate import EvalItem
from touchline.records.caption import Caption
from touchline.records.clip import Clip
from touchline.records.question import Question
from touchline.records.table import group_by_field, index_by_id, read_records
from touchline.video.frame_store import FrameStore


@dataclass(frozen=True)
class EvalSet:
    """The questions of one split and their data. Made of paths and settings only, so that it can be
    pickled to other processes.
    """

    clips: Path
    captions: Path
    questions: Path
    frames: Path
    budget: FrameBudget
    dialogue: Dialogue
    split: str = "test"
    _frame_digests: dict[str, str] = field(default_factory=dict, repr=False, compare=False)

    def __getstate__(self) -> dict[str, Any]:
        """Pickle the fields only: another process reads the data itself."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    @cached_property
    def questions_by_id(self) -> dict[str, Question]:
        """All questions of all splits, by id."""
        return index_by_id(read_records(self.questions / "questions.parquet", Question))

    @cached_property
    def clips_by_id(self) -> dict[str, Clip]:
        return index_by_id(read_records(self.clips / "clips.parquet", Clip))

    @cached_property
    def store(self) -> FrameStore:
        return FrameStore(self.frames)

    @cached_property
    def split_questions(self) -> list[Question]:
        """The questions of the split whose clips have frames. Raises `InputError` if
        there are none.
        """
        in_split = [q for q in self.questions_by_id.values() if q.split == self.split]
        if not in_split:
            wrong = f"no question is in the {self.split} split"
            raise InputError(self.questions, wrong, f"raise ask.shares.{self.split}")
        with_frames = [q for q in in_split if self.clips_by_id[q.clip].frames]
        if not with_frames:
            wrong = f"not one of {len(in_split)} {self.split} questions has frames"
            raise InputError(self.questions, wrong, NO_FRAMES)
        return with_frames

    @property
    def skipped_count(self) -> int:
        """The number of questions of the split left out because their clips have no frames."""
        return sum(q.split == self.split for q in self.questions_by_id.values()) - len(
            self.split_questions
        )

    def load_items(self, ids: Sequence[str] | None = None) -> list[EvalItem]:
        """Evaluation items for the split's questions, or for these question ids, in order."""
        questions = (
            self.split_questions if ids is None else [self.questions_by_id[id] for id in ids]
        )
        return [self._build_item(question) for question in questions]

    @cached_property
    def _captions_by_clip(self) -> dict[str, list[Caption]]:
        return group_by_field(read_records(self.captions / "captions.parquet", Caption), "clip")

    def _build_item(self, question: Question) -> EvalItem:
        clip = self.clips_by_id[question.clip]
        frames = load_clip_frames(self.store, clip, self.budget, self.dialogue)
        return EvalItem(question, clip, frames, self._captions_by_clip.get(question.clip, []))

    def frames_digest(self, clip: Clip) -> str:
        """Digest of all stored frames of a clip that a candidate may be shown."""
        if clip.id not in self._frame_digests:
            self._frame_digests[clip.id] = self.store.digest_frames(
                clip.video, clip.start, clip.end
            )
        return self._frame_digests[clip.id]
