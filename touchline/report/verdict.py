"""What the scores say, in plain sentences: above the floors or not, RL against SFT."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from touchline.metrics.bootstrap import Estimate
from touchline.metrics.scores import HEADLINE, best_floor, headline
from touchline.report.template import signed

NAMES = {
    "base": "untrained",
    "sft": "SFT",
    "rl": "RL",
    "floor.constant": "constant",
    "floor.tiles": "tiles",
    "floor.keyword": "keyword",
    "floor.majority": "majority",
    "floor.blank": "blank frames",
    "floor.single": "single frame",
    "floor.shuffled": "shuffled frames",
}
FEW = 5  # matches below which a bootstrap over them is too sure of itself
METRICS = {"f1": "F1", "accuracy": "accuracy"}


@dataclass(frozen=True)
class Verdict:
    """One task in words; `state` is above, unclear or below the best floor."""

    task: str
    state: str
    sentence: str
    change: str  # RL against SFT, "" when there is no RL
    gap: float  # to the best floor


def name(candidate: str) -> str:
    """A candidate's name in words."""
    return NAMES.get(candidate, candidate)


def metric(task: str) -> str:
    """The name of the number that stands for a task."""
    return METRICS[HEADLINE.get(task, "accuracy")]


def models(scores: Mapping[str, Any]) -> list[str]:
    """The candidates that are models, in the order they were given."""
    return [name for name in scores["candidates"] if not name.startswith("floor.")]


def verdicts(scores: Mapping[str, Any]) -> list[Verdict]:
    """One verdict per task that the judged model answered."""
    ours = _judged(scores)
    tasks = scores["candidates"].get(ours, {})
    return [_verdict(scores, ours, task) for task in sorted(tasks, key=_order)]


def summary(scores: Mapping[str, Any]) -> str:
    """The page's first sentence."""
    found, ours = verdicts(scores), name(_judged(scores))
    above = [v.task for v in found if v.state == "above"]
    rest = [v.task for v in found if v.state != "above"]
    if not found:
        return "No model was evaluated."
    if not rest:
        return f"{_first(ours)} is above its best floor in every task: {_listed(above)}."
    if not above and any(v.gap > 0 for v in found):
        return f"{_first(ours)} is not clearly above its floors in any task."
    if not above:
        return f"{_first(ours)} is above its floors in no task: it has learned nothing that shows."
    return f"{_first(ours)} is above its best floor in {_listed(above)}; in {_listed(rest)} not."


def _judged(scores: Mapping[str, Any]) -> str:
    given = models(scores)
    return "sft" if "sft" in given else (given or [""])[-1]


def _verdict(scores: Mapping[str, Any], ours: str, task: str) -> Verdict:
    value = headline(scores["candidates"][ours], task)
    floor = best_floor(scores["candidates"], task)
    sentence = f"{_first(name(ours))}: {metric(task)} {_spread(value)}"
    if not floor:
        return Verdict(task, "unclear", f"{sentence}; there is no floor to compare with.", "", 0.0)
    gap = _gap(scores, ours, floor, task)
    state = _state(gap) if scores["matches"][task] > 1 else "unclear"
    said = {"above": "above", "unclear": "not clearly above", "below": "below"}[state]
    reached = headline(scores["candidates"][floor], task).value
    against = f"{said} its best floor ({name(floor)}, {reached:.2f})"
    sentence = f"{sentence}, {against} by {_spread(gap, signed)}{_few(scores, task)}."
    return Verdict(task, state, sentence, _change(scores, task), gap.value)


def _few(scores: Mapping[str, Any], task: str) -> str:
    """A word of caution: few matches make an interval look surer than it is."""
    count = scores["matches"][task]
    if count == 1:
        return ", all from one match: another match may differ by more than that"
    return f", on only {count} matches" if count < FEW else ""


def _change(scores: Mapping[str, Any], task: str) -> str:
    if task not in scores["differences"].get("rl - sft", {}):
        return ""
    gap = _gap(scores, "rl", "sft", task)
    words = {"above": "better", "below": "worse", "unclear": "no difference beyond the interval"}
    value = headline(scores["candidates"]["rl"], task)
    return f"RL: {_spread(value)}; against SFT {_spread(gap, signed)}: {words[_state(gap)]}."


def _gap(scores: Mapping[str, Any], ours: str, theirs: str, task: str) -> Estimate:
    return headline(scores["differences"][f"{ours} - {theirs}"], task)


def _state(gap: Estimate) -> str:
    if gap.low > 0:
        return "above"
    return "below" if gap.high < 0 else "unclear"


def _spread(given: Estimate, form=lambda value: f"{value:.2f}") -> str:
    return f"{form(given.value)} ({form(given.low)} to {form(given.high)})"


def _order(task: str) -> tuple[int, str]:
    """The tasks in the order of `HEADLINE`, others behind."""
    known = list(HEADLINE)
    return (known.index(task) if task in known else len(known), task)


def _listed(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def _first(sentence: str) -> str:
    return sentence[0].upper() + sentence[1:]
