"""Say what the scores mean in sentences: whether a model beats the floors, and RL against SFT."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from touchline.html_page.template import format_signed
from touchline.metrics.bootstrap import MetricEstimate
from touchline.metrics.scores import HEADLINE_METRICS, find_best_floor, get_headline_estimate

CANDIDATE_NAMES = {
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
FEW_MATCHES = 5  # matches below which a bootstrap over them is too sure of itself
METRIC_NAMES = {"f1": "F1", "accuracy": "accuracy"}


@dataclass(frozen=True)
class TaskVerdict:
    """The verdict on one task. `state` says where the model stands relative to the best floor:
    above, unclear or below.
    """

    task: str
    state: str
    sentence: str
    change: str  # RL against SFT, "" when there is no RL
    gap: float  # to the best floor


def name_candidate(candidate: str) -> str:
    """Display name of a candidate: `floor.blank` -> `blank frames`."""
    return CANDIDATE_NAMES.get(candidate, candidate)


def name_headline_metric(task: str) -> str:
    """Display name of a task's headline metric."""
    return METRIC_NAMES[HEADLINE_METRICS.get(task, "accuracy")]


def list_model_names(scores: Mapping[str, Any]) -> list[str]:
    """Names of the candidates that are models, not floors, in the order given."""
    return [name for name in scores["candidates"] if not name.startswith("floor.")]


def build_task_verdicts(scores: Mapping[str, Any]) -> list[TaskVerdict]:
    """One verdict per task that the judged model answered. Judged is `sft` if present, else the
    last model.
    """
    ours = _judged_model(scores)
    tasks = scores["candidates"].get(ours, {})
    return [_build_verdict(scores, ours, task) for task in sorted(tasks, key=_task_order)]


def summarise_verdicts(scores: Mapping[str, Any]) -> str:
    """The first sentence of the report: in which tasks the judged model is above its best floor."""
    task_verdicts, model_name = build_task_verdicts(scores), name_candidate(_judged_model(scores))
    above = [v.task for v in task_verdicts if v.state == "above"]
    not_above = [v.task for v in task_verdicts if v.state != "above"]
    if not task_verdicts:
        return "No model was evaluated."
    if not not_above:
        return (
            f"{_capitalise_first(model_name)} is above its best floor in every task: "
            f"{_join_words(above)}."
        )
    if not above and any(v.gap > 0 for v in task_verdicts):
        return f"{_capitalise_first(model_name)} is not clearly above its floors in any task."
    if not above:
        return (
            f"{_capitalise_first(model_name)} is above its floors in no task: it has "
            "learned nothing that shows."
        )
    return (
        f"{_capitalise_first(model_name)} is above its best floor in "
        f"{_join_words(above)}; in {_join_words(not_above)} not."
    )


def _judged_model(scores: Mapping[str, Any]) -> str:
    names = list_model_names(scores)
    return "sft" if "sft" in names else (names or [""])[-1]


def _build_verdict(scores: Mapping[str, Any], ours: str, task: str) -> TaskVerdict:
    value = get_headline_estimate(scores["candidates"][ours], task)
    floor = find_best_floor(scores["candidates"], task)
    sentence = (
        f"{_capitalise_first(name_candidate(ours))}: {name_headline_metric(task)} "
        f"{_format_interval(value)}"
    )
    if not floor:
        return TaskVerdict(
            task, "unclear", f"{sentence}; there is no floor to compare with.", "", 0.0
        )
    gap = _headline_difference(scores, ours, floor, task)
    state = _interval_state(gap) if scores["matches"][task] > 1 else "unclear"
    position = {"above": "above", "unclear": "not clearly above", "below": "below"}[state]
    reached = get_headline_estimate(scores["candidates"][floor], task).value
    against = f"{position} its best floor ({name_candidate(floor)}, {reached:.2f})"
    sentence = (
        f"{sentence}, {against} by "
        f"{_format_interval(gap, format_signed)}{_few_matches_warning(scores, task)}."
    )
    return TaskVerdict(task, state, sentence, _describe_rl_change(scores, task), gap.value)


def _few_matches_warning(scores: Mapping[str, Any], task: str) -> str:
    """A word of caution: few matches make an interval look surer than it is."""
    count = scores["matches"][task]
    if count == 1:
        return ", all from one match: another match may differ by more than that"
    return f", on only {count} matches" if count < FEW_MATCHES else ""


def _describe_rl_change(scores: Mapping[str, Any], task: str) -> str:
    if task not in scores["differences"].get("rl - sft", {}):
        return ""
    gap = _headline_difference(scores, "rl", "sft", task)
    words = {"above": "better", "below": "worse", "unclear": "no difference beyond the interval"}
    value = get_headline_estimate(scores["candidates"]["rl"], task)
    return (
        f"RL: {_format_interval(value)}; against SFT "
        f"{_format_interval(gap, format_signed)}: {words[_interval_state(gap)]}."
    )


def _headline_difference(
    scores: Mapping[str, Any], candidate: str, other: str, task: str
) -> MetricEstimate:
    return get_headline_estimate(scores["differences"][f"{candidate} - {other}"], task)


def _interval_state(gap: MetricEstimate) -> str:
    if gap.low > 0:
        return "above"
    return "below" if gap.high < 0 else "unclear"


def _format_interval(estimate: MetricEstimate, form=lambda value: f"{value:.2f}") -> str:
    return f"{form(estimate.value)} ({form(estimate.low)} to {form(estimate.high)})"


def _task_order(task: str) -> tuple[int, str]:
    """The tasks in the order of `HEADLINE`, others behind."""
    tasks = list(HEADLINE_METRICS)
    return (tasks.index(task) if task in tasks else len(tasks), task)


def _join_words(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def _capitalise_first(sentence: str) -> str:
    return sentence[0].upper() + sentence[1:]
