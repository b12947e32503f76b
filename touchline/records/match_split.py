"""The split of a match as its source states it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class StatedSplit:
    """The split that a source prescribes for a match. Matches without such a row are assigned at
    random.
    """

    match: str
    split: str  # train, val or test
