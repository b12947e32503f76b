"""`touchline bisect`: find the first run in the model lineage where a metric dropped, and list what
changed in that run.
"""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from flows.nightly import ask, lineup, session
from flows.nightly.ask_process import MODEL
from flows.nightly.score import pair_with_questions
from flows.nightly.session import NightSession
from flows.runs import record as runs
from flows.runs import terminal
from flows.runs.changes import diff_runs
from flows.runs.record import RunRecord
from flows.runs.run_model import RunModel
from flows.services import environment
from touchline.errors import InputError
from touchline.metrics import bootstrap, scores
from touchline.metrics.bootstrap import MetricEstimate, MetricRows
from touchline.metrics.overall import measure_headline_metrics
from touchline.metrics.scores import HEADLINE_METRICS

Run = TypeVar("Run")


def find_first_bad_run(runs: Sequence[Run], bad: Callable[[Run], bool]) -> int:
    """Index of a run that is bad while the run before it is good; runs[0] must be good and runs[-1]
    bad.

    Evaluates about log2(n) runs. If the score fell several times, one of the falls is found. Raises
    `InputError` for fewer than two runs.
    """
    if len(runs) < 2:
        raise InputError("bisect", "needs a good run and a later bad one", "see `touchline runs`")
    good, fallen = 0, len(runs) - 1
    while fallen - good > 1:
        middle = (good + fallen) // 2
        good, fallen = (good, middle) if bad(runs[middle]) else (middle, fallen)
    return fallen


OVERALL = "overall"
LOWER_IS_BETTER = ("error",)  # metrics that are better when they are lower


def run_bisect(root: Path, metric: str, good: str, bad: str, as_json: bool) -> int:
    """Find the first bad model between the runs `good` and `bad`, print the report and return 0.
    Raises an input error if there is no drop to find.
    """
    environment.prepare_environment(root)
    with session.borrow_night_session(root) as night_session:
        lineup.restore_benchmark(night_session)
        lineage = lineup.list_model_lineage(root, night_session.nightly.models[-1:])
        if len(lineage) < 2:
            raise InputError("bisect", f"the lineage has {len(lineage)} models", "it takes two")
        drop = ScoreDrop(night_session, metric)
        last = _model_position(root, lineage, bad) if bad else len(lineage) - 1
        first = _model_position(root, lineage, good) if good else drop.last_better(lineage, last)
        drop.require_drop(lineage[first], lineage[last])
        position = first + find_first_bad_run(
            lineage[first : last + 1], lambda model: drop.has_dropped(lineage[first], model)
        )
        report = drop.report(lineage[first], lineage[position - 1], lineage[position])
    terminal.print_line(runs.format_json(report) if as_json else _format_report(report))
    return 0


def _model_position(root: Path, lineage: list[RunModel], run_id: str) -> int:
    """Where the model of a run stands; equal weights stand where they were first made."""
    run = runs.find_run(root, run_id)
    digests = {file.md5 for file in run.products}
    positions = [position for position, model in enumerate(lineage) if model.md5 in digests]
    if not positions:
        raise InputError(f"run {run.id}", "made no model that takes part", "see nightly.models")
    return positions[0]


class ScoreDrop:
    """The drop of one metric along a model lineage. Evaluates a model only if its answers are not
    cached; `evaluated` lists those models.
    """

    def __init__(self, night_session: NightSession, metric: str) -> None:
        self.going, self.metric = night_session, metric
        self.task, _, self.name = metric.partition(".")
        self.sides: dict[str, MetricRows] = {}
        self.evaluated: list[str] = []

    def load_side(self, model: RunModel) -> MetricRows:
        if model.md5 not in self.sides:
            if not ask.has_stored_answers(self.going, model):
                self.evaluated.append(model.name)
            say = partial(terminal.print_line, passing=True)
            rows = ask.get_model_answers(self.going, model, say, alone=True)[MODEL]
            self.sides[model.md5] = self._score_side(pair_with_questions(self.going, rows))
        return self.sides[model.md5]

    def _score_side(self, rows: scores.Rows) -> MetricRows:
        judge = self.going.pinned_benchmark.judge
        if self.task == OVERALL:
            return measure_headline_metrics(rows, judge).metric_rows()
        sides = scores.build_metrics_by_task(rows, judge)
        name = self.name or HEADLINE_METRICS.get(self.task, "accuracy")
        if name not in sides.get(self.task, {}):
            names = [
                OVERALL,
                *(
                    f"{task}.{metric_name}"
                    for task, metrics in sides.items()
                    for metric_name in metrics
                ),
            ]
            raise InputError(
                self.metric, "there is no such metric here", f"known: {', '.join(names)}"
            )
        return sides[self.task][name]

    def change(self, before: RunModel, after: RunModel) -> MetricEstimate:
        seed = self.going.pinned_benchmark.evaluate["seed"]
        return bootstrap.estimate_difference(self.load_side(after), self.load_side(before), seed)

    def has_dropped(self, before: RunModel, after: RunModel) -> bool:
        """Whether the metric got worse from `before` to `after` with a confidence interval (paired
        over matches) that excludes 0.
        """
        change = self.change(before, after)
        return change.low > 0 if self.name in LOWER_IS_BETTER else change.high < 0

    def last_better(self, lineage: list[RunModel], last: int) -> int:
        """Position of the last model before `last` that has cached answers and is significantly
        better than the model at `last`.
        """
        stored = [
            position
            for position in range(last)
            if ask.has_stored_answers(self.going, lineage[position])
        ]
        higher = [
            position for position in stored if self.has_dropped(lineage[position], lineage[last])
        ]
        if not higher:
            wrong = (
                f"{lineage[last].name} is below none of the {len(stored)} models evaluated before"
            )
            raise InputError(f"bisect {self.metric}", wrong, "name a better one with --good RUN")
        return higher[-1]

    def require_drop(self, good: RunModel, bad: RunModel) -> None:
        """Raise an input error unless the metric dropped significantly from `good` to `bad`."""
        if not self.has_dropped(good, bad):
            gap = _format_estimate(self.change(good, bad))
            wrong = f"from {good.name} to {bad.name} it did not fall beyond its interval ({gap})"
            raise InputError(f"bisect {self.metric}", wrong, "there is nothing to find")

    def report(self, good: RunModel, before: RunModel, after: RunModel) -> dict[str, Any]:
        """The report: last good and first bad model, estimates of the change, evaluated models, and
        what differs between the two runs.
        """
        root = self.going.root
        return {
            "metric": self.metric,
            "good": good.name,
            "last good": before.name,
            "first bad": after.name,
            "change": self.change(before, after)._asdict(),
            "since good": self.change(good, after)._asdict(),
            "evaluated": self.evaluated,
            "changed": _summarize_changes(
                root, runs.find_run(root, before.run), runs.find_run(root, after.run)
            ),
        }


def _summarize_changes(root: Path, before: RunRecord, after: RunRecord) -> dict[str, Any]:
    """What differs between two runs, as the report names it."""
    changes = diff_runs(root, before, after)
    return {
        "commits": [*changes.new_commits, *(f"without {line}" for line in changes.old_commits)],
        "difference": changes.patch,
        "params": changes.params,
        "data": changes.products,
        "packages": changes.packages,
    }


def _format_report(report: dict[str, Any]) -> str:
    change = _format_estimate(MetricEstimate(**report["change"]))
    lines = [
        f"{report['metric']} fell with {report['first bad']}: {change} against "
        f"{report['last good']}"
    ]
    if report["evaluated"]:
        lines.append(f"evaluated for this: {', '.join(report['evaluated'])}")
    parts = report["changed"]
    lines += [f"  commit   {line}" for line in parts["commits"]]
    lines += ["  code     uncommitted changes differ"] if parts["difference"] else []
    lines += [f"  param    {key}: {a} -> {b}" for key, (a, b) in parts["params"].items()]
    lines += [f"  product  {key}: {a} -> {b}" for key, (a, b) in parts["data"].items()]
    lines += [f"  package  {key}: {a} -> {b}" for key, (a, b) in parts["packages"].items()]
    if not any(parts.values()):
        lines.append("  nothing that is recorded differs: hardware or chance")
    return "\n".join(lines)


def _format_estimate(estimate: MetricEstimate) -> str:
    return f"{estimate.value:+.3f} ({estimate.low:+.3f} to {estimate.high:+.3f})"
