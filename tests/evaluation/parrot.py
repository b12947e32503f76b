"""A candidate without weights, whose answers tell of its batch, and which may die on command."""

import os
import signal
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from tests.world import BUDGETS
from touchline.chat.dialogue import PLAIN
from touchline.chat.turns import thinking
from touchline.evaluation.candidates.candidate import Answer, Candidate, Game, Said, Setting
from touchline.evaluation.test_set import Bench

BUDGET = BUDGETS["tiny"]


def fresh(root: Path) -> Bench:
    """The bench read anew, as another night would."""
    return Bench(*[root / n for n in ("clips", "captions", "questions", "frames")], BUDGET, PLAIN)


def setting_of(bench: Bench, **changes: Any) -> Setting:
    given = Setting(bench.budget, bench.dialogue, bench.prior(12), batch=3, turn_tokens=8)
    return replace(given, **changes)


class Parrot(Candidate):
    kind: Literal["parrot"] = "parrot"
    name: str = "parrot"
    log: str = ""  # a file with a line for every question asked
    kill_at: int = -1  # the batch in which the process is killed
    fails: tuple[str, ...] = ()  # texts of questions it breaks down at

    def identity(self, setting: Setting) -> list[Any]:
        return ["parrot"]

    def open(self, setting: Setting) -> Answer:
        batches = 0

        def say(games: Sequence[Game]) -> list[Said]:
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
            return [Said((thinking("so", text),)) for text in said]

        return say
