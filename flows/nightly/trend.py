"""Build the data of the trend page from the night records: scores by role and task, floors,
decisions.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from flows.nightly.record import NightCandidate, NightRecord
from touchline.metrics.scores import HEADLINE_METRICS, find_best_floor
from touchline.report.trend import NightRow, TrendData, TrendEvent, TrendPlot, TrendPoint

OVERALL = "overall"
ROLES = ("champion", "newest")
MAX_QUIET_HOURS = 36.0  # hours between two nights from which the page shows a gap


def build_night_trend(nights: Sequence[NightRecord]) -> TrendData:
    """Trend data of all nights that have ended; failed nights have a row but no points."""
    ended = [night for night in nights if night.state != "running"]
    tasks = sorted(
        {
            task
            for night in ended
            for candidate in _scored_candidates(night).values()
            for task in candidate.scores
        }
    )
    order = sorted(tasks, key=lambda task: ([*HEADLINE_METRICS, task].index(task), task))
    return TrendData(
        plots=[_task_plot(ended, task) for task in [OVERALL, *order]] if tasks else [],
        events=[
            event for at, night in enumerate(ended) for event in _night_events(ended, at, night)
        ],
        rows=[_night_row(night) for night in ended],
    )


def _scored_candidates(night: NightRecord) -> dict[str, NightCandidate]:
    """The champion that the night began with, and the newest model: those that have scores."""
    names = {"champion": night.champion.name if night.champion else "", "newest": night.newest}
    candidates = {role: night.candidates.get(name) for role, name in names.items()}
    return {
        role: candidate for role, candidate in candidates.items() if candidate and candidate.answers
    }


def _task_plot(nights: Sequence[NightRecord], task: str) -> TrendPlot:
    lines: dict[str, list[TrendPoint]] = {role: [] for role in ROLES}
    floors: list[TrendPoint] = []
    for at, night in enumerate(nights):
        for role, candidate in _scored_candidates(night).items():
            if score := _headline_score(candidate, task):
                lines[role].append(_trend_point(at, candidate.model.name, score))
        if night.state == "completed" and (floor := _best_floor_point(night, task)):
            floors.append(floor._replace(at=at))
    metric = "mean over tasks" if task == OVERALL else HEADLINE_METRICS.get(task, "accuracy")
    return TrendPlot(task, "F1" if metric == "f1" else metric, lines, floors)


def _headline_score(candidate: NightCandidate, task: str) -> Mapping[str, float]:
    if task == OVERALL:
        return candidate.overall
    return candidate.scores.get(task, {}).get(HEADLINE_METRICS.get(task, "accuracy"), {})


def _trend_point(at: int, name: str, estimate: Mapping[str, float]) -> TrendPoint:
    return TrendPoint(at, name, estimate["value"], estimate["low"], estimate["high"])


def _best_floor_point(night: NightRecord, task: str) -> TrendPoint | None:
    """The best floor of a task; over all tasks the mean of one floor, whose interval is unknown."""
    if task == OVERALL:
        means = {name: _mean_headline(tasks) for name, tasks in night.floors.items() if tasks}
        if not means:
            return None
        name = max(means, key=lambda floor_name: means[floor_name])
        return TrendPoint(0, name, means[name], means[name], means[name])
    name = find_best_floor(night.floors, task)
    if not name:
        return None
    return _trend_point(0, name, night.floors[name][task][HEADLINE_METRICS.get(task, "accuracy")])


def _mean_headline(tasks: Mapping[str, Any]) -> float:
    values = [
        metrics[HEADLINE_METRICS.get(task, "accuracy")]["value"] for task, metrics in tasks.items()
    ]
    return sum(values) / len(values)


def _night_events(nights: Sequence[NightRecord], at: int, night: NightRecord) -> list[TrendEvent]:
    """What stands across all plots: a new champion, another benchmark, nights that are missing."""
    events = [
        TrendEvent(at, "champion", candidate.model.name)
        for candidate in night.candidates.values()
        if candidate.promoted
    ]
    before = [earlier for earlier in nights[:at] if earlier.benchmark.get("digest")]
    digest = night.benchmark.get("digest")
    if before and digest and before[-1].benchmark["digest"] != digest:
        events.append(TrendEvent(at, "benchmark", f"benchmark of run {night.benchmark['run']}"))
    if at and (hours := _hours_between(*nights[at - 1 : at + 1])) > MAX_QUIET_HOURS:
        events.append(TrendEvent(at, "gap", f"{hours / 24:.0f} days without a night"))
    return events


def _hours_between(before: NightRecord, after: NightRecord) -> float:
    began, then = (datetime.fromisoformat(night.started) for night in (before, after))
    return (then - began).total_seconds() / 3600


def _night_row(night: NightRecord) -> NightRow:
    decided = [entry for entry in night.candidates.values() if entry.decision]
    return NightRow(
        id=night.id,
        when=night.started[:16].replace("T", " "),
        state=_night_outcome(night),
        sentence=night.sentence or night.error,
        verdicts=[
            s for entry in night.candidates.values() for s in [*entry.verdicts, entry.error] if s
        ],
        decisions=[(entry.model.name, entry.promoted, entry.rulings) for entry in decided],
        alerts=[(entry["about"], entry["outcome"]) for entry in night.alerts],
        page=night.page,
    )


def _night_outcome(night: NightRecord) -> str:
    """The one word for a night: what weighs most."""
    candidates = list(night.candidates.values())
    if night.state != "completed":
        return night.state
    if any(candidate.promoted for candidate in candidates):
        return "promoted"
    if any(candidate.regression for candidate in candidates):
        return "regression"
    return "refused" if any(candidate.decision for candidate in candidates) else "unchanged"
