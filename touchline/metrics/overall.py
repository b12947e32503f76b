"""The headline numbers of one candidate, and their mean over tasks, as something to draw from."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from touchline.errors import BadInput
from touchline.metrics.bootstrap import Side
from touchline.metrics.per_answer import Judge, measure
from touchline.metrics.scores import HEADLINE, Rows


@dataclass(frozen=True)
class Headlines:
    """What each answer adds to the headline metric of its task: (n, 2), numerator, denominator."""

    sums: np.ndarray
    questions: Sequence[str]
    tasks: Sequence[str]
    sports: Sequence[str]
    matches: Sequence[str]

    def side(self, task: str = "", sport: str = "", draw: str = "matches") -> Side:
        """One task's headline metric, or with no `task` the mean over all, of one sport or all.

        Each task weighs the same, however many questions it has: else the commonest one decides.
        A task that a draw of matches holds no question of is left out of that draw. Where there
        is but one match its questions are drawn, and that interval is too narrow; an exact test
        draws `matches` in any case with `draw="matches alone"`.
        """
        kept = [
            at
            for at, (own, where) in enumerate(zip(self.tasks, self.sports, strict=True))
            if task in ("", own) and sport in ("", where)
        ]
        if not kept:
            raise BadInput(f"{task} {sport}".strip(), "no answer to score", "ask some questions")
        named = sorted({self.tasks[at] for at in kept})
        rows = np.zeros((len(kept), len(named), 2))
        for place, at in enumerate(kept):
            rows[place, named.index(self.tasks[at])] = self.sums[at]
        alone = len({self.matches[at] for at in kept}) == 1 and draw == "matches"
        drawn = self.questions if alone else self.matches
        return Side(rows, [drawn[at] for at in kept], _mean)

    def count(self, task: str = "") -> int:
        """How many matches there are, of one task or in all."""
        pairs = zip(self.tasks, self.matches, strict=True)
        return len({match for own, match in pairs if task in ("", own)})


def headlines(rows: Rows, judge: Judge) -> Headlines:
    """Measure the answers of one candidate; a `BadInput` when there are none."""
    if not rows:
        raise BadInput("answers", "there are none", "evaluate the candidate again")
    sums = [
        measure(question, answer, judge)[HEADLINE.get(question.task, "accuracy")]
        for question, answer in rows
    ]
    columns = zip(*[(q.id, q.task, q.sport, q.match) for q, _ in rows], strict=True)
    return Headlines(np.array(sums, float), *columns)


def _mean(sums: np.ndarray) -> np.ndarray:
    """(..., tasks, 2) -> (...)."""
    over, under = sums[..., 0], sums[..., 1]
    each = np.divide(over, under, out=np.zeros(over.shape), where=under != 0)
    return each.sum(-1) / np.maximum((under != 0).sum(-1), 1)
