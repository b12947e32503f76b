"""A floor that needs no model: the middle of the clip, tiles, words of the commentary, ..."""

from collections.abc import Sequence
from typing import Any, ClassVar, Literal

from touchline.chat.turns import thinking
from touchline.errors import BadInput
from touchline.evaluation.candidates.candidate import Answer, Candidate, Game, Said, Setting
from touchline.evaluation.floors import FLOORS


class Floor(Candidate):
    """Its name is one of `touchline.floors.FLOORS`."""

    kind: Literal["floor"]
    senses: ClassVar = "nothing"
    kept: ClassVar[bool] = False

    def identity(self, setting: Setting) -> list[Any]:
        return [self.name]

    def open(self, setting: Setting) -> Answer:
        if self.name not in FLOORS:
            raise BadInput(f"evaluate.candidates: {self.name}", "no such floor", f"of {[*FLOORS]}")
        answer, known = FLOORS[self.name], setting.known

        def say(games: Sequence[Game]) -> list[Said]:
            said = [answer(game.question, game.clip, game.lines, known) for game in games]
            thinks = setting.dialogue.thinks
            return [Said((thinking("-", text) if thinks else text,)) for text in said]

        return say
