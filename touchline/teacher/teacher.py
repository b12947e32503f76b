"""What any teacher is given, and what it gives back."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import groupby
from pathlib import Path
from typing import Literal

from touchline.chat.dialogue import Dialogue
from touchline.chat.messages import load_clip_frames
from touchline.chat.tools.choose_frames import Budget, Reel
from touchline.config import Params
from touchline.endpoint import Endpoint, Spend
from touchline.records import Clip, Label, Question, Trajectory, Verdict
from touchline.tasks.scene import Scene, scene
from touchline.video.frame_store import FrameStore


class Served(Params):
    """A teacher behind an endpoint, and what its lessons must hold to be accepted."""

    endpoint: Endpoint
    spend: Spend  # the teacher's and the judge's together
    terms: list[Literal["open", "request", "nda"]]  # whose frames and words may leave this machine
    languages: list[str]  # ISO 639-1: what it may write in; [] for any
    threshold: float  # the task's own score from which an answer is right
    judge: Literal["none", "open"]  # open answers below the threshold are put to the judge
    look: Literal["none", "masked", "judge"]  # how it is seen that the frames matter
    judging: Endpoint

    @property
    def judges(self) -> bool:
        """Whether there is any work for a judge."""
        return self.judge != "none" or self.look == "judge"

    @property
    def asked(self) -> tuple[Endpoint, ...]:
        """Every endpoint that is told of the clips."""
        return (self.endpoint, self.judging) if self.judges else (self.endpoint,)


class Distill(Params):
    """The section `distill`."""

    teacher: str  # one of TEACHERS
    vague: float  # scripted: share of present actions told by a wide window, not by what it shows
    jitter: int  # scripted: seconds by which either end of an interval it tells may be off
    served: Served


@dataclass(frozen=True)
class Course:
    """The questions to be taught, and where to look."""

    questions: Sequence[Question]
    clips: Mapping[str, Clip]
    labels: Mapping[str, list[Label]]  # by video
    frames: Path  # the folder of the store
    budget: Budget
    dialogue: Dialogue
    served: Served
    vague: float = 0.0
    jitter: int = 0

    @cached_property
    def _store(self) -> FrameStore:
        return FrameStore(self.frames)

    @cached_property
    def _anew(self) -> FrameStore:
        return FrameStore(self.frames)

    def view(self, question: Question) -> Scene:
        """What is true of its clip, which the scripted teacher alone may use."""
        return scene(self.clips[question.clip], self.labels[question.video])

    def reel(self, question: Question) -> Reel:
        return load_clip_frames(self._store, self.clips[question.clip], self.budget, self.dialogue)

    def replay(self, question: Question) -> Reel:
        """The same frames, read from the store anew."""
        return load_clip_frames(self._anew, self.clips[question.clip], self.budget, self.dialogue)

    def parts(self) -> Iterator["Course"]:
        """A course per video, in order: each travels to another process with what it needs."""
        place = self.frames.absolute()  # a process of another machine stands in another folder
        for video, group in groupby(self.questions, key=lambda question: question.video):
            asked = list(group)
            clips = {question.clip: self.clips[question.clip] for question in asked}
            labels = {video: self.labels[video]}
            yield replace(self, questions=asked, clips=clips, labels=labels, frames=place)


@dataclass(frozen=True)
class Taught:
    """A question's fate: a trajectory, or why there is none."""

    question: Question
    trajectory: Trajectory | None
    reason: str = ""
    verdict: Verdict | None = None  # of a teacher that can be wrong or costs something
