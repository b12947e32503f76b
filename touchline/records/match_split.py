"""The split of a match as its source states it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class StatedSplit:
    """The split of a match as its source states it; matches without a row are drawn."""

    match: str
    split: str  # train, val or test
