"""Confidence intervals of ratios of sums, by a bootstrap over matches."""

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np

RESAMPLES = 2000
TAILS = (2.5, 97.5)  # percentiles: a 95 % interval


class Estimate(NamedTuple):
    """A value, its 95 % interval and the number of rows behind it."""

    value: float
    low: float
    high: float
    n: int


def ratio(rows: np.ndarray, matches: Sequence[str], seed: int) -> Estimate:
    """Estimate sum(numerator) / sum(denominator) of `rows` (n, 2).

    Rows of one match share its light, its teams and its cameras, so matches are drawn, not rows.
    """
    sums = _sums(rows, matches, sorted(set(matches)))
    return _estimate(_divide(sums.sum(0)), _divide(_draws(len(sums), seed) @ sums), len(rows))


def difference(
    ours: tuple[np.ndarray, Sequence[str]], theirs: tuple[np.ndarray, Sequence[str]], seed: int
) -> Estimate:
    """Estimate ratio(ours) - ratio(theirs), paired: each draw takes the same matches for both.

    An undefined ratio (no guess at all) counts as 0. `n` is the smaller number of rows.
    """
    order = sorted(set(ours[1]) | set(theirs[1]))
    draws = _draws(len(order), seed)
    sides = [_sums(rows, matches, order) for rows, matches in (ours, theirs)]
    values = [np.nan_to_num(_divide(sums.sum(0))) for sums in sides]
    drawn = [np.nan_to_num(_divide(draws @ sums)) for sums in sides]
    n = min(len(ours[0]), len(theirs[0]))
    return _estimate(values[0] - values[1], drawn[0] - drawn[1], n)


def _sums(rows: np.ndarray, matches: Sequence[str], order: list[str]) -> np.ndarray:
    """Sum rows (n, 2) per match: (matches, 2), so that a draw costs matches, not rows."""
    place = {match: i for i, match in enumerate(order)}
    sums = np.zeros((len(order), 2))
    np.add.at(sums, [place[match] for match in matches], np.asarray(rows, float).reshape(-1, 2))
    return sums


@lru_cache(maxsize=64)
def _draws(matches: int, seed: int) -> np.ndarray:
    """How often each match is drawn, with replacement: (RESAMPLES, matches)."""
    even = np.full(matches, 1 / matches)
    return np.random.default_rng(seed).multinomial(matches, even, size=RESAMPLES).astype(float)


def _divide(sums: np.ndarray) -> np.ndarray:
    """Divide numerator by denominator (..., 2) -> (...); nothing by nothing is undefined (NaN)."""
    over, under = sums[..., 0], sums[..., 1]
    return np.divide(over, under, out=np.full(over.shape, np.nan), where=under != 0)


def _estimate(value: np.ndarray, draws: np.ndarray, n: int) -> Estimate:
    """Undefined draws are left out; a value that is undefined altogether is 0 (no guess at all)."""
    known = draws[~np.isnan(draws)]
    if np.isnan(value) or not known.size:
        return Estimate(0.0, 0.0, 0.0, n)
    low, high = np.percentile(known, TAILS)
    return Estimate(float(value), float(low), float(high), n)
