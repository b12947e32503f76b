"""The interface of a candidate: anything that answers the questions of an evaluation in text turns.

All candidates get the same prompts, the same frame tool and the same parser; a candidate only
produces turns. Its answer is cached; `evaluation/replayed_answer.py` makes a `Trajectory` of it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from touchline.chat.commentary import format_commentary
from touchline.chat.dialogue import Dialogue
from touchline.chat.messages import Messages, build_messages
from touchline.chat.tools.choose_frames import ClipFrames, FrameBudget
from touchline.config import Params
from touchline.prompt_text import read_prompt_file
from touchline.records.caption import Caption
from touchline.records.clip import Clip
from touchline.records.question import Question

if TYPE_CHECKING:
    from touchline.evaluation.floors import AnswerPrior

LISTENING_PROMPT = Path(__file__).parent / "prompts" / "listening.txt"
CANDIDATE_NAME_PATTERN = r"^[\w.-]+$"


@dataclass(frozen=True)
class EvalItem:
    """A question with everything that may be shown of its clip: frames and commentary lines."""

    question: Question
    clip: Clip
    reel: ClipFrames
    lines: Sequence[Caption] = ()


@dataclass(frozen=True)
class EvalSettings:
    """What all candidates of one evaluation share."""

    budget: FrameBudget
    dialogue: Dialogue
    prior: "AnswerPrior"  # what the floors know of the training questions
    dtype: str = "float32"
    attention: str = "sdpa"
    threads: int = 1
    seed: int = 1
    batch: int = 64
    turn_tokens: int = 80  # at most so many new tokens per turn
    models: Mapping[str, Path] = field(default_factory=dict)  # the run's own, by name


@dataclass(frozen=True)
class CandidateAnswer:
    """A candidate's turns for one question; `fault` is the error that ended them, '' if none."""

    turns: tuple[str, ...]
    fault: str = ""


AnswerFunction = Callable[[Sequence[EvalItem]], list[CandidateAnswer]]


class EvalCandidate(Params):
    """One entry of `evaluate.candidates`, subclassed per kind."""

    kind: str
    name: str = Field(pattern=CANDIDATE_NAME_PATTERN)  # under which its answers stand
    senses: ClassVar[Literal["frames", "commentary", "nothing"]] = "frames"
    cached: ClassVar[bool] = True  # answers are dear enough to be remembered
    local: ClassVar[bool] = True  # it answers on this machine: several processes are faster

    def identity(self, settings: EvalSettings) -> list[Any]:
        """Everything about the candidate that decides its answers, as JSON values for the cache
        key: weight digests, sampling.
        """
        raise NotImplementedError

    def open(self, settings: EvalSettings) -> AnswerFunction:
        """Load weights or reach a server; returns a function from items to answers. Called only if
        something is not cached.
        """
        raise NotImplementedError

    def budget(self, settings: EvalSettings) -> FrameBudget:
        """How many frames and calls this candidate may use."""
        return settings.budget

    def transform_frames(self, reel: ClipFrames) -> ClipFrames:
        """The clip's frames as this candidate is shown them."""
        return reel

    def build_text_messages(self, item: EvalItem, settings: EvalSettings) -> Messages:
        """The messages for a candidate that is shown no frames: the question, with commentary if it
        gets that.
        """
        dialogue = settings.dialogue
        if self.senses == "nothing":
            return build_messages(item.question, dialogue=dialogue)
        commentary_text = format_commentary(item.lines, dialogue, item.clip)
        opening = [{"type": "text", "text": commentary_text}] if commentary_text else []
        rules = read_prompt_file(LISTENING_PROMPT) if dialogue.thinks else ""
        return build_messages(item.question, opening, dialogue, rules)
