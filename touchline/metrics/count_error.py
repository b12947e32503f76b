"""Counting metrics: absolute error and off-by-one accuracy.

Source: repetition counting, where MAE and off-by-one accuracy (OBO) are reported together, as in Hu
et al., 'TransRAC' (CVPR 2022); they divide the error by the truth, here it is in counts. An answer
without exactly one number counts as 0 and is never within one.
"""


def compute_count_error(answered: float | None, expected: float | None) -> float:
    """Absolute error; None (no number) counts as 0."""
    return abs((answered or 0.0) - (expected or 0.0))


def score_within_one(answered: float | None, expected: float | None) -> float:
    """1.0 if a number was given and is off by at most one, else 0.0."""
    return float(answered is not None and expected is not None and abs(answered - expected) <= 1)
