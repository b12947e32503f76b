"""Interface of the teachers: the job they get and the result per question."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import groupby
from pathlib import Path
from typing import Literal

from touchline.chat.dialogue import Dialogue
from touchline.chat.messages import load_clip_frames
from touchline.chat.tools.choose_frames import ClipFrames, FrameBudget
from touchline.config import Params
from touchline.endpoint import EndpointParams, SpendParams
from touchline.records.clip import Clip
from touchline.records.label import Label
from touchline.records.question import Question
from touchline.records.trajectory import Trajectory
from touchline.records.verdict import TeacherVerdict
from touchline.tasks.scene import ClipScene, build_clip_scene
from touchline.video.frame_store import FrameStore


class ServedTeacherParams(Params):
    """Params of a teacher behind an endpoint and of the acceptance of its trajectories."""

    endpoint: EndpointParams
    spend: SpendParams  # the teacher's and the judge's together
    terms: list[Literal["open", "request", "nda"]]  # whose frames and words may leave this machine
    languages: list[str]  # ISO 639-1: what it may write in; [] for any
    threshold: float  # the task's own score from which an answer is right
    judge: Literal["none", "open"]  # open answers below the threshold are put to the judge
    look: Literal["none", "masked", "judge"]  # how it is seen that the frames matter
    judging: EndpointParams

    @property
    def needs_judge(self) -> bool:
        """True if a judge is needed."""
        return self.judge != "none" or self.look == "judge"

    @property
    def endpoints_used(self) -> tuple[EndpointParams, ...]:
        """All endpoints that receive content of clips."""
        return (self.endpoint, self.judging) if self.needs_judge else (self.endpoint,)


class DistillParams(Params):
    """Params section `distill`."""

    teacher: str  # one of TEACHERS
    vague: float  # scripted: share of present actions told by a wide window, not by what it shows
    jitter: int  # scripted: seconds by which either end of an interval it tells may be off
    served: ServedTeacherParams


@dataclass(frozen=True)
class TeachingJob:
    """The questions to teach, with their clips, labels, frames and settings."""

    questions: Sequence[Question]
    clips: Mapping[str, Clip]
    labels: Mapping[str, list[Label]]  # by video
    frames: Path  # the folder of the store
    budget: FrameBudget
    dialogue: Dialogue
    served: ServedTeacherParams
    vague: float = 0.0
    jitter: int = 0

    @cached_property
    def _store(self) -> FrameStore:
        return FrameStore(self.frames)

    @cached_property
    def _fresh_store(self) -> FrameStore:
        return FrameStore(self.frames)

    def get_scene(self, question: Question) -> ClipScene:
        """The question's labelled scene; only the scripted teacher may use it."""
        return build_clip_scene(self.clips[question.clip], self.labels[question.video])

    def get_frames(self, question: Question) -> ClipFrames:
        """The frames of the question's clip."""
        return load_clip_frames(self._store, self.clips[question.clip], self.budget, self.dialogue)

    def reload_frames(self, question: Question) -> ClipFrames:
        """The frames of the question's clip from a second, uncached store, to check that they are
        reproducible.
        """
        return load_clip_frames(
            self._fresh_store, self.clips[question.clip], self.budget, self.dialogue
        )

    def split_by_video(self) -> Iterator["TeachingJob"]:
        """Yield one job per video, with only the data it needs, for worker processes."""
        frames_folder = (
            self.frames.absolute()
        )  # a process of another machine stands in another folder
        for video, group in groupby(self.questions, key=lambda question: question.video):
            video_questions = list(group)
            clips = {question.clip: self.clips[question.clip] for question in video_questions}
            labels = {video: self.labels[video]}
            yield replace(
                self, questions=video_questions, clips=clips, labels=labels, frames=frames_folder
            )


@dataclass(frozen=True)
class TaughtQuestion:
    """Result for one question: a trajectory, or the reason why there is none."""

    question: Question
    trajectory: Trajectory | None
    reason: str = ""
    verdict: TeacherVerdict | None = None  # of a teacher that can be wrong or costs something
