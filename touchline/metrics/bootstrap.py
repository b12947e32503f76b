"""Confidence intervals of metrics that are made of sums, by a bootstrap over matches."""

from collections.abc import Callable, Sequence
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


class Side(NamedTuple):
    """What a candidate's rows add to a metric, and how their sums become its value.

    `rows` is (n, ...); `value` takes sums (..., rows.shape[1:]) to values, NaN where undefined.
    """

    rows: np.ndarray
    matches: Sequence[str]  # of each row
    value: Callable[[np.ndarray], np.ndarray]


def ratio(rows: np.ndarray, matches: Sequence[str]) -> Side:
    """The metric sum(numerator) / sum(denominator) of `rows` (n, 2)."""
    return Side(np.asarray(rows, float).reshape(-1, 2), matches, _divide)


def estimate(side: Side, seed: int) -> Estimate:
    """Estimate a metric.

    Rows of one match share its light, its teams and its cameras, so matches are drawn, not rows.
    """
    sums = per_match(side, sorted(set(side.matches)))
    return _estimate(side.value(sums.sum(0)), _drawn(side, sums, seed), len(side.rows))


def difference(ours: Side, theirs: Side, seed: int) -> Estimate:
    """Estimate a metric of ours less that of theirs: each draw takes the same matches for both.

    An undefined value (no guess at all) counts as 0. `n` is the smaller number of rows.
    """
    order = sorted(set(ours.matches) | set(theirs.matches))
    sides = [(side, per_match(side, order)) for side in (ours, theirs)]
    values = [np.nan_to_num(side.value(sums.sum(0))) for side, sums in sides]
    drawn = [np.nan_to_num(_drawn(side, sums, seed)) for side, sums in sides]
    n = min(len(ours.rows), len(theirs.rows))
    return _estimate(values[0] - values[1], drawn[0] - drawn[1], n)


def pooled(sides: Sequence[Side]) -> Side:
    """One side of several trainings: their rows together, so that a match brings all of them."""
    rows = np.concatenate([side.rows for side in sides])
    return Side(rows, [match for side in sides for match in side.matches], sides[0].value)


def over_trainings(ours: Sequence[Side], theirs: Sequence[Side], seed: int) -> Estimate:
    """The difference of paired trainings when trainings are drawn as well as matches.

    The i-th of ours belongs to the i-th of theirs. With three trainings there are ten different
    draws of them: the interval says how far they agree, not what a hundred would give.
    """
    order = sorted({match for side in (*ours, *theirs) for match in side.matches})
    whole = difference(pooled(ours), pooled(theirs), seed)
    values = []
    for sides in (ours, theirs):
        sums = np.stack([per_match(side, order) for side in sides])
        drawn = np.einsum(
            "bs,bm,sm...->b...", _draws(len(sides), seed + 1), _draws(len(order), seed), sums
        )
        values.append(np.nan_to_num(sides[0].value(drawn)))
    return _estimate(np.asarray(whole.value), values[0] - values[1], whole.n)


def per_match(side: Side, order: Sequence[str]) -> np.ndarray:
    """Sum rows per match: (matches, ...), so that a draw costs matches, not rows."""
    place = {match: i for i, match in enumerate(order)}
    sums = np.zeros((len(order), *side.rows.shape[1:]))
    np.add.at(sums, [place[match] for match in side.matches], side.rows)
    return sums


def _drawn(side: Side, sums: np.ndarray, seed: int) -> np.ndarray:
    """The metric in each draw: (RESAMPLES,)."""
    drawn = _draws(len(sums), seed) @ sums.reshape(len(sums), -1)
    return side.value(drawn.reshape(-1, *sums.shape[1:]))


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
