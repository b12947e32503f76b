"""The nights as a story to draw: scores by role and task, floors, the gate's decisions."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from flows.nightly.record import Candidate, Night
from touchline.metrics.scores import HEADLINE, best_floor
from touchline.report.trend import Event, Plot, Point, Row, Story

OVERALL = "overall"
ROLES = ("champion", "newest")
QUIET = 36.0  # hours between two nights from which the page shows a gap


def story(nights: Sequence[Night]) -> Story:
    """Every night that ended; those that failed have a row and no points."""
    ended = [night for night in nights if night.state != "running"]
    tasks = sorted(
        {task for night in ended for one in _roles(night).values() for task in one.scores}
    )
    order = sorted(tasks, key=lambda task: ([*HEADLINE, task].index(task), task))
    return Story(
        plots=[_plot(ended, task) for task in [OVERALL, *order]] if tasks else [],
        events=[event for at, night in enumerate(ended) for event in _events(ended, at, night)],
        rows=[_row(night) for night in ended],
    )


def _roles(night: Night) -> dict[str, Candidate]:
    """The champion that the night began with, and the newest model: those that have scores."""
    names = {"champion": night.champion.name if night.champion else "", "newest": night.newest}
    found = {role: night.candidates.get(name) for role, name in names.items()}
    return {role: one for role, one in found.items() if one and one.answers}


def _plot(nights: Sequence[Night], task: str) -> Plot:
    lines: dict[str, list[Point]] = {role: [] for role in ROLES}
    floors: list[Point] = []
    for at, night in enumerate(nights):
        for role, one in _roles(night).items():
            if found := _score(one, task):
                lines[role].append(_point(at, one.model.name, found))
        if night.state == "completed" and (floor := _floor(night, task)):
            floors.append(floor._replace(at=at))
    metric = "mean over tasks" if task == OVERALL else HEADLINE.get(task, "accuracy")
    return Plot(task, "F1" if metric == "f1" else metric, lines, floors)


def _score(one: Candidate, task: str) -> Mapping[str, float]:
    if task == OVERALL:
        return one.overall
    return one.scores.get(task, {}).get(HEADLINE.get(task, "accuracy"), {})


def _point(at: int, name: str, found: Mapping[str, float]) -> Point:
    return Point(at, name, found["value"], found["low"], found["high"])


def _floor(night: Night, task: str) -> Point | None:
    """The best floor of a task; over all tasks the mean of one floor, whose interval is unknown."""
    if task == OVERALL:
        means = {name: _mean(tasks) for name, tasks in night.floors.items() if tasks}
        if not means:
            return None
        name = max(means, key=lambda one: means[one])
        return Point(0, name, means[name], means[name], means[name])
    name = best_floor(night.floors, task)
    if not name:
        return None
    return _point(0, name, night.floors[name][task][HEADLINE.get(task, "accuracy")])


def _mean(tasks: Mapping[str, Any]) -> float:
    values = [found[HEADLINE.get(task, "accuracy")]["value"] for task, found in tasks.items()]
    return sum(values) / len(values)


def _events(nights: Sequence[Night], at: int, night: Night) -> list[Event]:
    """What stands across all plots: a new champion, another benchmark, nights that are missing."""
    found = [
        Event(at, "champion", one.model.name) for one in night.candidates.values() if one.promoted
    ]
    before = [earlier for earlier in nights[:at] if earlier.benchmark.get("digest")]
    digest = night.benchmark.get("digest")
    if before and digest and before[-1].benchmark["digest"] != digest:
        found.append(Event(at, "benchmark", f"benchmark of run {night.benchmark['run']}"))
    if at and (hours := _hours(*nights[at - 1 : at + 1])) > QUIET:
        found.append(Event(at, "gap", f"{hours / 24:.0f} days without a night"))
    return found


def _hours(before: Night, after: Night) -> float:
    began, then = (datetime.fromisoformat(night.started) for night in (before, after))
    return (then - began).total_seconds() / 3600


def _row(night: Night) -> Row:
    decided = [one for one in night.candidates.values() if one.decision]
    return Row(
        id=night.id,
        when=night.started[:16].replace("T", " "),
        state=_state(night),
        sentence=night.sentence or night.error,
        verdicts=[s for one in night.candidates.values() for s in [*one.verdicts, one.error] if s],
        decisions=[(one.model.name, one.promoted, one.rulings) for one in decided],
        alerts=[(one["about"], one["outcome"]) for one in night.alerts],
        page=night.page,
    )


def _state(night: Night) -> str:
    """The one word for a night: what weighs most."""
    every = list(night.candidates.values())
    if night.state != "completed":
        return night.state
    if any(one.promoted for one in every):
        return "promoted"
    if any(one.regression for one in every):
        return "regression"
    return "refused" if any(one.decision for one in every) else "unchanged"
