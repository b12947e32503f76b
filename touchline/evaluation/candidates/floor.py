"""Candidate kind `floor`: a baseline without a model, such as the middle of the clip or commentary
keywords.
"""

from collections.abc import Sequence
from typing import Any, ClassVar, Literal

from touchline.chat.turns import format_thinking_turn
from touchline.errors import InputError
from touchline.evaluation.candidates.candidate import (
    AnswerFunction,
    CandidateAnswer,
    EvalCandidate,
    EvalItem,
    EvalSettings,
)
from touchline.evaluation.floors import FLOORS


class FloorCandidate(EvalCandidate):
    """A model-free baseline; its name is a key of `touchline.floors.FLOORS`."""

    kind: Literal["floor"]
    senses: ClassVar = "nothing"
    cached: ClassVar[bool] = False

    def identity(self, settings: EvalSettings) -> list[Any]:
        return [self.name]

    def open(self, settings: EvalSettings) -> AnswerFunction:
        if self.name not in FLOORS:
            raise InputError(
                f"evaluate.candidates: {self.name}", "no such floor", f"of {[*FLOORS]}"
            )
        answer_question, prior = FLOORS[self.name], settings.prior

        def say(games: Sequence[EvalItem]) -> list[CandidateAnswer]:
            answers = [
                answer_question(game.question, game.clip, game.lines, prior) for game in games
            ]
            thinks = settings.dialogue.thinks
            return [
                CandidateAnswer((format_thinking_turn("-", text) if thinks else text,))
                for text in answers
            ]

        return say
