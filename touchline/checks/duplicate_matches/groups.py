"""Put matches that are one and the same into one group, and the group into one split."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from touchline.errors import InputError

Match = tuple[str, str]  # sport and match: what a split is decided by


class Same(NamedTuple):
    """Two matches that are one, and how one knows."""

    one: Match
    other: Match
    why: str


def leaders(pairs: Iterable[Same]) -> dict[Match, Match]:
    """Each match that has a double -> the first of its group in alphabetical order."""
    leader: dict[Match, Match] = {}
    for one, other, _ in pairs:
        first, second = sorted((_top(leader, one), _top(leader, other)))
        leader[second] = leader[first] = first
    return {match: _top(leader, match) for match in sorted(leader)}


def together(stated: Mapping[Match, str], pairs: Iterable[Same]) -> dict[Match, str]:
    """The splits that sources state, for the doubles of their matches as well.

    A `InputError` names two matches that are one and stand in two splits.
    """
    groups = leaders(pairs)
    known: dict[Match, tuple[str, Match]] = {}  # leader -> split, and who says so
    for match in sorted(stated):
        split, first = known.setdefault(groups.get(match, match), (stated[match], match))
        if split != stated[match]:
            wrong = f"is {stated[match]}, but it is the same match as {first[1]}, which is {split}"
            raise InputError(
                match[1], wrong, "take one of the two out, or state one split for both"
            )
    of_doubles = {m: known[top][0] for m, top in groups.items() if top in known}
    return {**stated, **of_doubles}


def _top(leader: dict[Match, Match], match: Match) -> Match:
    while leader.get(match, match) != match:
        match = leader[match]
    return match
