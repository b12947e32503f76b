"""Is a candidate better than another? An exact paired test that swaps their answers match by match.

If two candidates are equal, then in each match it is chance which of them gave which answers, so
every swap was as likely as what was seen (Fisher's randomisation test; for F1 and other ratios of
sums: Yeh 2000, "More accurate tests for the statistical significance of result differences"). A
bootstrap interval at one in a thousand is far too sure of itself with few matches; this is not.
"""

import numpy as np

from touchline.metrics.bootstrap import Side, per_match

EXACT = 14  # matches up to which all 2^n swaps are counted; above, as many as DRAWS are drawn
DRAWS = 40_000
TOUCH = 1e-12  # differences closer than this are the same


def p_value(ours: Side, theirs: Side, seed: int) -> float:
    """The chance that equal candidates differ, in our favour, by as much as these two do.

    An undefined value (no guess at all) counts as 0. Never 0: see `least`.
    """
    order = sorted(set(ours.matches) | set(theirs.matches))
    mine, other = per_match(ours, order), per_match(theirs, order)
    swaps = _swaps(len(order), seed)
    moved = (swaps @ (mine - other).reshape(len(order), -1)).reshape(-1, *mine.shape[1:])
    gaps = _value(ours, other.sum(0) + moved) - _value(theirs, mine.sum(0) - moved)
    seen = _value(ours, mine.sum(0)) - _value(theirs, other.sum(0))
    reached = int((gaps >= seen - TOUCH).sum())
    return reached / len(gaps) if len(order) <= EXACT else (1 + reached) / (1 + len(gaps))


def least(matches: int) -> float:
    """The smallest p that so many matches can give: below it no difference can be proved."""
    return 2.0**-matches if matches <= EXACT else 1 / (1 + DRAWS)


def _value(side: Side, sums: np.ndarray) -> np.ndarray:
    return np.nan_to_num(side.value(sums))


def _swaps(matches: int, seed: int) -> np.ndarray:
    """Which matches keep their answers (1) and which swap them (0): (swaps, matches)."""
    if matches <= EXACT:
        return (np.arange(2**matches)[:, None] >> np.arange(matches) & 1).astype(float)
    return np.random.default_rng(seed).integers(0, 2, (DRAWS, matches)).astype(float)
