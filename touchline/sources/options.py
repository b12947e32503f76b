"""Four options for a ready question, in an order that tells nothing."""

from collections.abc import Iterable
from random import Random

COUNT = 4


def shuffled(id: str, right: str, others: Iterable[str]) -> list[str]:
    """`right` and up to three of the others; the same for the same id."""
    random = Random(id)
    wrong = sorted(set(others) - {right})
    chosen = random.sample(wrong, min(COUNT - 1, len(wrong)))
    return random.sample([right, *chosen], len(chosen) + 1)
