"""Compare candidates of a night, paired over matches, and describe the difference in sentences."""

from collections.abc import Mapping
from typing import NamedTuple

from touchline.metrics import bootstrap
from touchline.metrics.bootstrap import MetricEstimate
from touchline.metrics.overall import HeadlineMetrics
from touchline.metrics.randomisation import compute_p_value
from touchline.metrics.scores import EXCLUDED_FLOORS


class ScoreGap(NamedTuple):
    """Difference candidate minus baseline: over all tasks, by sport and by task. `p` is that of the
    paired randomisation test that the candidate is better.
    """

    overall: MetricEstimate
    p: float
    matches: int
    sports: Mapping[str, MetricEstimate]
    tasks: Mapping[str, MetricEstimate]


def measure_score_gap(candidate: HeadlineMetrics, baseline: HeadlineMetrics, seed: int) -> ScoreGap:
    """Compute all differences between two candidates' headline scores, with bootstrap intervals."""

    def differ(**part: str) -> MetricEstimate:
        return bootstrap.estimate_difference(
            candidate.metric_rows(**part), baseline.metric_rows(**part), seed
        )

    alone = {"draw": "matches alone"}
    return ScoreGap(
        overall=differ(),
        p=compute_p_value(candidate.metric_rows(**alone), baseline.metric_rows(**alone), seed),
        matches=candidate.count_matches(),
        sports={sport: differ(sport=sport) for sport in sorted(set(candidate.sports))},
        tasks={task: differ(task=task) for task in sorted(set(candidate.tasks))},
    )


def measure_floor_gaps(
    candidate: HeadlineMetrics, floors: Mapping[str, HeadlineMetrics], seed: int
) -> dict[str, dict[str, MetricEstimate]]:
    """{task: {floor: candidate minus floor, headline metric}}, without floors that do not apply to
    the task.
    """
    return {
        task: {
            name: bootstrap.estimate_difference(
                candidate.metric_rows(task), floor.metric_rows(task), seed
            )
            for name, floor in floors.items()
            if (name, task) not in EXCLUDED_FLOORS
        }
        for task in sorted(set(candidate.tasks))
    }


def estimate_overall_score(candidate: HeadlineMetrics, seed: int) -> MetricEstimate:
    """Mean of the headline metrics over tasks, with its interval."""
    return bootstrap.estimate_metric(candidate.metric_rows(), seed)


def describe_score_gap(name: str, other: str, score_gap: ScoreGap) -> str:
    """Describe a gap: `A: better than B by 0.04 (0.01 to 0.07) on 43 matches`, or how large a
    difference would have to be to show.
    """
    estimate = score_gap.overall
    where = f"on {score_gap.matches} match{'es' if score_gap.matches != 1 else ''}"
    if estimate.low == estimate.high == 0:
        return f"{name}: no difference to {other} in any match {where}."
    if estimate.low > 0:
        luck = f"chance alone does as much once in {1 / score_gap.p:,.0f} times"
        return f"{name}: better than {other} by {_format_gap(estimate, 1)} {where}; {luck}."
    if estimate.high < 0:
        return f"{name}: worse than {other} by {_format_gap(estimate, -1)} {where}."
    observed = f"{estimate.value:+.2f} ({estimate.low:+.2f} to {estimate.high:+.2f})"
    needed = (
        f"a difference below about {(estimate.high - estimate.low) / 2:.2f} cannot be seen there"
    )
    return f"{name}: no difference to {other} beyond the interval, {observed} {where}; {needed}."


def is_score_regression(score_gap: ScoreGap) -> bool:
    """Whether the candidate is worse by more than the 95 % interval."""
    return score_gap.overall.high < 0


def _format_gap(estimate: MetricEstimate, sign: int) -> str:
    low, high = sorted((sign * estimate.low, sign * estimate.high))
    return f"{abs(estimate.value):.2f} ({low:.2f} to {high:.2f})"
