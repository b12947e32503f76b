"""Exact paired randomisation test: is a candidate better than another?

If two candidates are equal, then in each match it is chance which of them gave which answers, so
every swap per match was as likely as what was observed (Fisher; for F1 and other ratios of sums:
Yeh 2000, 'More accurate tests for the statistical significance of result differences'). With few
matches a bootstrap interval at one in a thousand is far too narrow; this test is not.
"""

import numpy as np

from touchline.metrics.bootstrap import MetricRows, sum_rows_per_match

EXACT_MATCHES = (
    14  # matches up to which all 2^n swaps are counted; above, as many as DRAWS are drawn
)
DRAWS = 40_000
TIE_TOLERANCE = 1e-12  # differences closer than this are the same


def compute_p_value(metric: MetricRows, baseline: MetricRows, seed: int) -> float:
    """One-sided p-value: the chance that equal candidates differ by at least as much in favour of
    `metric`.

    An undefined value counts as 0. Never 0: see `compute_smallest_p_value`.
    """
    order = sorted(set(metric.matches) | set(baseline.matches))
    metric_sums, baseline_sums = (
        sum_rows_per_match(metric, order),
        sum_rows_per_match(baseline, order),
    )
    swaps = _swaps(len(order), seed)
    moved = (swaps @ (metric_sums - baseline_sums).reshape(len(order), -1)).reshape(
        -1, *metric_sums.shape[1:]
    )
    gaps = _metric_value(metric, baseline_sums.sum(0) + moved) - _metric_value(
        baseline, metric_sums.sum(0) - moved
    )
    observed = _metric_value(metric, metric_sums.sum(0)) - _metric_value(
        baseline, baseline_sums.sum(0)
    )
    reached = int((gaps >= observed - TIE_TOLERANCE).sum())
    return reached / len(gaps) if len(order) <= EXACT_MATCHES else (1 + reached) / (1 + len(gaps))


def compute_smallest_p_value(matches: int) -> float:
    """The smallest p-value that this many matches can give."""
    return 2.0**-matches if matches <= EXACT_MATCHES else 1 / (1 + DRAWS)


def _metric_value(metric: MetricRows, sums: np.ndarray) -> np.ndarray:
    return np.nan_to_num(metric.value(sums))


def _swaps(matches: int, seed: int) -> np.ndarray:
    """Which matches keep their answers (1) and which swap them (0): (swaps, matches)."""
    if matches <= EXACT_MATCHES:
        return (np.arange(2**matches)[:, None] >> np.arange(matches) & 1).astype(float)
    return np.random.default_rng(seed).integers(0, 2, (DRAWS, matches)).astype(float)
