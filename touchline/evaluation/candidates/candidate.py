"""What a candidate is: whatever answers the questions of an evaluation, in turns of words.

All of them are asked in the same words, shown frames by the same tool, and read by the same
parser; a candidate says turns and nothing else. What it said is kept, and played again into a
`Trajectory`: see `touchline.evaluation`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import Field

from touchline.chat.commentary import commentary
from touchline.chat.dialogue import Dialogue
from touchline.chat.messages import Messages, Talk, asked, judged
from touchline.chat.prompts import words
from touchline.chat.tools.choose_frames import Budget, Reel, Viewing
from touchline.config import Params
from touchline.evaluation.floors import Prior
from touchline.records import Caption, Clip, Question, Trajectory

NAME = r"^[\w.-]+$"


@dataclass(frozen=True)
class Game:
    """A question with all that may be seen and heard of its clip."""

    question: Question
    clip: Clip
    reel: Reel
    lines: Sequence[Caption] = ()


@dataclass(frozen=True)
class Setting:
    """What all candidates of one evaluation share."""

    budget: Budget
    dialogue: Dialogue
    known: Prior  # what the floors know of the training questions
    dtype: str = "float32"
    attention: str = "sdpa"
    threads: int = 1
    seed: int = 1
    batch: int = 64
    turn_tokens: int = 80  # at most so many new tokens per turn
    models: Mapping[str, Path] = field(default_factory=dict)  # the run's own, by name


@dataclass(frozen=True)
class Said:
    """What a candidate said to one question; `fault` is why it said no more."""

    turns: tuple[str, ...]
    fault: str = ""


Answer = Callable[[Sequence[Game]], list[Said]]


class Candidate(Params):
    """One entry of `evaluate.candidates`; each kind is a file of this room."""

    kind: str
    name: str = Field(pattern=NAME)  # under which its answers stand
    senses: ClassVar[Literal["frames", "commentary", "nothing"]] = "frames"
    kept: ClassVar[bool] = True  # answers are dear enough to be remembered
    local: ClassVar[bool] = True  # it answers on this machine: several processes are faster

    def identity(self, setting: Setting) -> list[Any]:
        """All of itself that decides its answers, as JSON: digests of weights, sampling."""
        raise NotImplementedError

    def open(self, setting: Setting) -> Answer:
        """Get ready: load weights, reach a server. Called only if there is something to ask."""
        raise NotImplementedError

    def budget(self, setting: Setting) -> Budget:
        """How much of the clip it may be shown."""
        return setting.budget

    def looking(self, reel: Reel) -> Reel:
        """The frames as this candidate is shown them."""
        return reel

    def asked(self, game: Game, setting: Setting) -> Messages:
        """The question in words for who is shown no frames."""
        dialogue = setting.dialogue
        if self.senses == "nothing":
            return asked(game.question, dialogue=dialogue)
        heard = commentary(game.lines, dialogue, game.clip)
        opening = [{"type": "text", "text": heard}] if heard else []
        rules = words("listening") if dialogue.thinks else ""
        return asked(game.question, opening, dialogue, rules)

    def row(self, game: Game, said: Said, setting: Setting) -> Trajectory:
        """What was said, played again and judged by the question's own task."""
        viewing = Viewing(self.looking(game.reel), self.budget(setting))
        if self.senses == "frames":
            messages = Talk(game.question, viewing, setting.dialogue).replay(said.turns).messages
        else:
            turns = [_message("assistant", turn) for turn in said.turns]
            messages = [*self.asked(game, setting), *turns]
        if said.fault:
            messages = [*messages, _message("failure", said.fault)]
        return judged(self.name, game.question, messages, viewing, setting.dialogue)


def _message(role: str, text: str) -> dict[str, Any]:
    return {"role": role, "content": [{"type": "text", "text": text}]}
