"""Bootstrap confidence intervals, resampling matches, for metrics computed from sums."""

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np

RESAMPLES = 2000
INTERVAL_PERCENTILES = (2.5, 97.5)  # percentiles: a 95 % interval


class MetricEstimate(NamedTuple):
    """A value, its 95 % interval and the number of rows behind it."""

    value: float
    low: float
    high: float
    n: int


class MetricRows(NamedTuple):
    """What each answer adds to a metric, and how the sums become its value.

    `rows` is (n, ...); `value` maps sums (..., rows.shape[1:]) to values, NaN where undefined.
    """

    rows: np.ndarray
    matches: Sequence[str]  # of each row
    value: Callable[[np.ndarray], np.ndarray]


def build_ratio_metric(rows: np.ndarray, matches: Sequence[str]) -> MetricRows:
    """The metric sum(numerator) / sum(denominator) of `rows` (n, 2)."""
    return MetricRows(np.asarray(rows, float).reshape(-1, 2), matches, _divide)


def estimate_metric(metric: MetricRows, seed: int) -> MetricEstimate:
    """A metric's value with its 95 % interval. Matches are resampled, not rows, because rows of one
    match are correlated.
    """
    sums = sum_rows_per_match(metric, sorted(set(metric.matches)))
    return _summarize_draws(
        metric.value(sums.sum(0)), _resampled_values(metric, sums, seed), len(metric.rows)
    )


def estimate_difference(metric: MetricRows, baseline: MetricRows, seed: int) -> MetricEstimate:
    """`metric` minus `baseline` with its 95 % interval; each draw takes the same matches for both.

    An undefined value counts as 0. `n` is the smaller number of rows.
    """
    order = sorted(set(metric.matches) | set(baseline.matches))
    sides = [(side, sum_rows_per_match(side, order)) for side in (metric, baseline)]
    values = [np.nan_to_num(side.value(sums.sum(0))) for side, sums in sides]
    drawn = [np.nan_to_num(_resampled_values(side, sums, seed)) for side, sums in sides]
    n = min(len(metric.rows), len(baseline.rows))
    return _summarize_draws(values[0] - values[1], drawn[0] - drawn[1], n)


def pool_trainings(trainings: Sequence[MetricRows]) -> MetricRows:
    """Pool several trainings into one metric, so that a drawn match brings the rows of all."""
    rows = np.concatenate([training.rows for training in trainings])
    return MetricRows(
        rows, [match for training in trainings for match in training.matches], trainings[0].value
    )


def estimate_training_difference(
    metrics: Sequence[MetricRows], baselines: Sequence[MetricRows], seed: int
) -> MetricEstimate:
    """Difference of paired trainings, resampling trainings as well as matches.

    The i-th of `metrics` is paired with the i-th of `baselines`. With three trainings there are
    only ten different draws: the interval shows how far they agree, not what a hundred would give.
    """
    order = sorted({match for side in (*metrics, *baselines) for match in side.matches})
    whole = estimate_difference(pool_trainings(metrics), pool_trainings(baselines), seed)
    values = []
    for sides in (metrics, baselines):
        sums = np.stack([sum_rows_per_match(side, order) for side in sides])
        drawn = np.einsum(
            "bs,bm,sm...->b...",
            _match_draws(len(sides), seed + 1),
            _match_draws(len(order), seed),
            sums,
        )
        values.append(np.nan_to_num(sides[0].value(drawn)))
    return _summarize_draws(np.asarray(whole.value), values[0] - values[1], whole.n)


def sum_rows_per_match(metric: MetricRows, order: Sequence[str]) -> np.ndarray:
    """Sum rows per match in the given order: (matches, ...)."""
    place = {match: i for i, match in enumerate(order)}
    sums = np.zeros((len(order), *metric.rows.shape[1:]))
    np.add.at(sums, [place[match] for match in metric.matches], metric.rows)
    return sums


def _resampled_values(metric: MetricRows, sums: np.ndarray, seed: int) -> np.ndarray:
    """The metric in each draw: (RESAMPLES,)."""
    drawn = _match_draws(len(sums), seed) @ sums.reshape(len(sums), -1)
    return metric.value(drawn.reshape(-1, *sums.shape[1:]))


@lru_cache(maxsize=64)
def _match_draws(matches: int, seed: int) -> np.ndarray:
    """How often each match is drawn, with replacement: (RESAMPLES, matches)."""
    even = np.full(matches, 1 / matches)
    return np.random.default_rng(seed).multinomial(matches, even, size=RESAMPLES).astype(float)


def _divide(sums: np.ndarray) -> np.ndarray:
    """Divide numerator by denominator (..., 2) -> (...); nothing by nothing is undefined (NaN)."""
    over, under = sums[..., 0], sums[..., 1]
    return np.divide(over, under, out=np.full(over.shape, np.nan), where=under != 0)


def _summarize_draws(value: np.ndarray, draws: np.ndarray, n: int) -> MetricEstimate:
    """Undefined draws are left out; a value that is undefined altogether is 0 (no guess at all)."""
    defined = draws[~np.isnan(draws)]
    if np.isnan(value) or not defined.size:
        return MetricEstimate(0.0, 0.0, 0.0, n)
    low, high = np.percentile(defined, INTERVAL_PERCENTILES)
    return MetricEstimate(float(value), float(low), float(high), n)
