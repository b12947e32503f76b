"""What an evaluation asks: the test questions of a pipeline's products, with their frames."""

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from functools import cached_property
from pathlib import Path
from typing import Any

from touchline.chat.dialogue import Dialogue
from touchline.chat.messages import NO_FRAMES, reel
from touchline.chat.tools.choose_frames import Budget
from touchline.errors import BadInput
from touchline.evaluation.candidates.candidate import Game
from touchline.evaluation.floors import Prior, prior
from touchline.records import Caption, Clip, Question, by_id, grouped, read
from touchline.video.frame_store import FrameStore


@dataclass(frozen=True)
class Bench:
    """Made of paths and settings alone, so that it travels to other processes."""

    clips: Path
    captions: Path
    questions: Path
    frames: Path
    budget: Budget
    dialogue: Dialogue
    split: str = "test"
    _pixels: dict[str, str] = field(default_factory=dict, repr=False, compare=False)

    def __getstate__(self) -> dict[str, Any]:
        """What is read is left behind: another process reads for itself."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    @cached_property
    def every(self) -> dict[str, Question]:
        """All questions of all splits, by id."""
        return by_id(read(self.questions / "questions.parquet", Question))

    @cached_property
    def by_clip(self) -> dict[str, Clip]:
        return by_id(read(self.clips / "clips.parquet", Clip))

    @cached_property
    def store(self) -> FrameStore:
        return FrameStore(self.frames)

    @cached_property
    def asked(self) -> list[Question]:
        """The questions of the split whose clips have frames; none at all is a `BadInput`."""
        every = [q for q in self.every.values() if q.split == self.split]
        if not every:
            wrong = f"no question is in the {self.split} split"
            raise BadInput(self.questions, wrong, f"raise ask.shares.{self.split}")
        shown = [q for q in every if self.by_clip[q.clip].frames]
        if not shown:
            wrong = f"not one of {len(every)} {self.split} questions has frames"
            raise BadInput(self.questions, wrong, NO_FRAMES)
        return shown

    @property
    def unseen(self) -> int:
        """How many questions of the split are left out, for want of frames."""
        return sum(q.split == self.split for q in self.every.values()) - len(self.asked)

    def games(self, ids: Sequence[str] | None = None) -> list[Game]:
        """The questions asked, or those with these ids, in the order given."""
        questions = self.asked if ids is None else [self.every[id] for id in ids]
        return [self._game(question) for question in questions]

    @cached_property
    def _said(self) -> dict[str, list[Caption]]:
        return grouped(read(self.captions / "captions.parquet", Caption), "clip")

    def _game(self, question: Question) -> Game:
        clip = self.by_clip[question.clip]
        frames = reel(self.store, clip, self.budget, self.dialogue)
        return Game(question, clip, frames, self._said.get(question.clip, []))

    def pixels(self, clip: Clip) -> str:
        """The digest of all the stored frames that any candidate may be shown of a clip."""
        if clip.id not in self._pixels:
            self._pixels[clip.id] = self.store.digest(clip.video, clip.start, clip.end)
        return self._pixels[clip.id]

    def prior(self, interval: float) -> Prior:
        """What a floor may know: the truths of training."""
        return prior(self.every.values(), interval, self.dialogue)
