"""Balanced accuracy of choices: the mean over right options of how often each was found.

Source: Brodersen et al., "The balanced accuracy and its posterior distribution" (ICPR 2010), for
many classes, as `sklearn.metrics.balanced_accuracy_score` has it. The class of a question is its
right option in words, not its letter: who always names the commonest call gets one over the number
of classes. Where every question has options of its own, it is the plain accuracy.
"""

from collections import Counter
from collections.abc import Sequence


def weights(truths: Sequence[str]) -> list[float]:
    """What each question weighs, so that a weighted accuracy is balanced.

    They are those of all questions and stay as they are when a bootstrap draws some of them.
    """
    words = [option(truth) for truth in truths]
    count = Counter(words)
    return [1 / count[word] for word in words]


def option(truth: str) -> str:
    """`B. Travelling` -> `travelling`."""
    return truth.partition(".")[2].strip().casefold()
