"""How far a count is off: the mean absolute error, and the share within one.

Source: the measures of repetition counting, where MAE and off-by-one accuracy (OBO) stand beside
each other, as in Hu et al., "TransRAC" (CVPR 2022). Theirs divides the error by the truth; here it
is in counts. An answer without exactly one number counted nothing: its error is the truth, and it
is never within one.
"""


def error(said: float | None, true: float | None) -> float:
    """The absolute error; numbers as the task reads them, None for no number."""
    return abs((said or 0.0) - (true or 0.0))


def within_one(said: float | None, true: float | None) -> float:
    """1 when a number was said that is off by one at most, else 0."""
    return float(said is not None and true is not None and abs(said - true) <= 1)
