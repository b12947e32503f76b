"""A candidate without weights, whose answers tell of its batch, and which may die on command."""

import os
import signal
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from tests.world import BUDGETS
from touchline.chat.dialogue import DEFAULT_DIALOGUE
from touchline.chat.turns import format_thinking_turn
from touchline.evaluation.candidates.candidate import (
    AnswerFunction,
    CandidateAnswer,
    EvalCandidate,
    EvalItem,
    EvalSettings,
)
from touchline.evaluation.floors import build_answer_prior
from touchline.evaluation.test_set import EvalSet

BUDGET = BUDGETS["tiny"]


def fresh(root: Path) -> EvalSet:
    """The bench read anew, as another night would."""
    return EvalSet(
        *[root / n for n in ("clips", "captions", "questions", "frames")], BUDGET, DEFAULT_DIALOGUE
    )


def setting_of(bench: EvalSet, **changes: Any) -> EvalSettings:
    given = EvalSettings(
        bench.budget, bench.dialogue, build_answer_prior(bench, 12), batch=3, turn_tokens=8
    )
    return replace(given, **changes)


class Parrot(EvalCandidate):
    kind: Literal["parrot"] = "parrot"
    name: str = "parrot"
    log: str = ""  # a file with a line for every question asked
    kill_at: int = -1  # the batch in which the process is killed
    fails: tuple[str, ...] = ()  # texts of questions it breaks down at

    def identity(self, setting: EvalSettings) -> list[Any]:
        return ["parrot"]

    def open(self, setting: EvalSettings) -> AnswerFunction:
        batches = 0

        def say(games: Sequence[EvalItem]) -> list[CandidateAnswer]:
            nonlocal batches
            if batches == self.kill_at:
                os.kill(os.getpid(), signal.SIGKILL)
            batches += 1
            texts = [game.question.text for game in games]
            if set(texts) & set(self.fails):
                raise RuntimeError("CUDA out of memory\nand more")
            if self.log:
                with Path(self.log).open("a") as file:
                    file.writelines(f"{game.question.id}\n" for game in games)
            said = [f"{place} of {len(games)}: {text}" for place, text in enumerate(texts)]
            return [CandidateAnswer((format_thinking_turn("so", text),)) for text in said]

        return say
