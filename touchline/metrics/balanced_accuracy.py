"""Balanced accuracy of choice questions: the mean recall over the right options.

Source: Brodersen et al., 'The balanced accuracy and its posterior distribution' (ICPR 2010), for
many classes, as `sklearn.metrics.balanced_accuracy_score`. The class of a question is its right
option's text, not its letter: always naming the commonest option scores one over the number of
classes. If every question has its own options, it equals accuracy.
"""

from collections import Counter
from collections.abc import Sequence


def compute_balance_weights(truths: Sequence[str]) -> list[float]:
    """Weight of each question, so that the weighted accuracy is balanced.

    Computed over all questions, and kept when a bootstrap draws some of them.
    """
    words = [parse_true_option(truth) for truth in truths]
    count = Counter(words)
    return [1 / count[word] for word in words]


def parse_true_option(truth: str) -> str:
    """The text of the right option: 'B. Travelling' -> 'travelling'."""
    return truth.partition(".")[2].strip().casefold()
