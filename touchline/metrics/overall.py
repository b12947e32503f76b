"""Headline metrics of one candidate, and their mean over tasks, ready for the bootstrap."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from touchline.errors import InputError
from touchline.metrics.bootstrap import MetricRows
from touchline.metrics.per_answer import MetricContext, measure_answer
from touchline.metrics.scores import HEADLINE_METRICS, Rows


@dataclass(frozen=True)
class HeadlineMetrics:
    """What each answer adds to its task's headline metric: (n, 2), numerator and denominator."""

    sums: np.ndarray
    questions: Sequence[str]
    tasks: Sequence[str]
    sports: Sequence[str]
    matches: Sequence[str]

    def metric_rows(self, task: str = "", sport: str = "", draw: str = "matches") -> MetricRows:
        """The headline metric of one `task`, or the mean over tasks if empty; of one `sport`, or
        all.

        Tasks weigh the same whatever their size; a task without questions in a draw is left out of
        that draw. If there is only one match its questions are resampled (too narrow an interval),
        unless `draw='matches alone'`, as an exact test needs. Raises `InputError` if nothing
        is left.
        """
        kept = [
            at
            for at, (row_task, row_sport) in enumerate(zip(self.tasks, self.sports, strict=True))
            if task in ("", row_task) and sport in ("", row_sport)
        ]
        if not kept:
            raise InputError(f"{task} {sport}".strip(), "no answer to score", "ask some questions")
        kept_tasks = sorted({self.tasks[at] for at in kept})
        rows = np.zeros((len(kept), len(kept_tasks), 2))
        for place, at in enumerate(kept):
            rows[place, kept_tasks.index(self.tasks[at])] = self.sums[at]
        alone = len({self.matches[at] for at in kept}) == 1 and draw == "matches"
        drawn = self.questions if alone else self.matches
        return MetricRows(rows, [drawn[at] for at in kept], _mean_over_tasks)

    def count_matches(self, task: str = "") -> int:
        """The number of matches, of one task or in all."""
        pairs = zip(self.tasks, self.matches, strict=True)
        return len({match for row_task, match in pairs if task in ("", row_task)})


def measure_headline_metrics(rows: Rows, context: MetricContext) -> HeadlineMetrics:
    """Measure the answers of one candidate. Raises `InputError` if there are none."""
    if not rows:
        raise InputError("answers", "there are none", "evaluate the candidate again")
    sums = [
        measure_answer(question, answer, context)[HEADLINE_METRICS.get(question.task, "accuracy")]
        for question, answer in rows
    ]
    columns = zip(*[(q.id, q.task, q.sport, q.match) for q, _ in rows], strict=True)
    return HeadlineMetrics(np.array(sums, float), *columns)


def _mean_over_tasks(sums: np.ndarray) -> np.ndarray:
    """(..., tasks, 2) -> (...)."""
    over, under = sums[..., 0], sums[..., 1]
    task_means = np.divide(over, under, out=np.zeros(over.shape), where=under != 0)
    return task_means.sum(-1) / np.maximum((under != 0).sum(-1), 1)
