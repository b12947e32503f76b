"""The questions that answers from elsewhere are held against, and the floors beside them.

Neither needs a frame, so the frame store may be missing.
"""

from functools import cached_property
from pathlib import Path

import numpy as np

from touchline.candidates.candidate import Game, Setting
from touchline.candidates.floor import Floor
from touchline.dialogue import Dialogue
from touchline.evaluation.bench import Bench
from touchline.faults import BadInput
from touchline.floors import FLOORS
from touchline.records import Question, Trajectory
from touchline.tools.choose_frames import Budget, Reel


class Sheet(Bench):
    """A bench whose clips are shown to nobody."""

    @cached_property
    def asked(self) -> list[Question]:
        """What evaluate asks: questions whose clips have frames; where none has any, all."""
        every = [q for q in self.every.values() if q.split == self.split]
        if not every:
            known = ", ".join(sorted({q.split for q in self.every.values()})) or "no split at all"
            wrong = f"no question is in the {self.split} split"
            raise BadInput(self.questions, wrong, f"there is {known}: choose by --split")
        lost = next((q for q in every if q.clip not in self.by_clip), None)
        if lost:
            wrong = f"the clip {lost.clip} of question {lost.id} is unknown"
            raise BadInput(self.clips, wrong, "give clips and questions of one run")
        return [q for q in every if self.by_clip[q.clip].frames] or every

    def _game(self, question: Question) -> Game:
        clip = self.by_clip[question.clip]
        reel = Reel(np.empty(0), lambda times: [], self.dialogue.zero(clip))
        return Game(question, clip, reel, self._said.get(question.clip, []))


def sheet(
    clips: Path, captions: Path, questions: Path, budget: Budget, dialogue: Dialogue, split: str
) -> Sheet:
    """The test questions, or those of another split."""
    return Sheet(clips, captions, questions, Path(), budget, dialogue, split)


def floors(sheet: Sheet, interval: float) -> dict[str, list[Trajectory]]:
    """Every floor that needs no model; `interval` is the seconds it gives to one action."""
    setting = Setting(sheet.budget, sheet.dialogue, sheet.prior(interval))
    games = sheet.games()
    found = {}
    for name in FLOORS:
        floor = Floor(kind="floor", name=name)
        said = floor.open(setting)(games)
        found[name] = [floor.row(g, s, setting) for g, s in zip(games, said, strict=True)]
    return found
