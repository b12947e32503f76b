"""Put matches that are one and the same into one group, and the group into one split."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from touchline.errors import InputError

MatchKey = tuple[str, str]  # sport and match: what a split is decided by


class DuplicateMatch(NamedTuple):
    """Two matches that are one, and how one knows."""

    one: MatchKey
    other: MatchKey
    why: str


def find_group_leaders(pairs: Iterable[DuplicateMatch]) -> dict[MatchKey, MatchKey]:
    """Each match that has a double -> the first of its group in alphabetical order."""
    leader: dict[MatchKey, MatchKey] = {}
    for one, other, _ in pairs:
        first, second = sorted((_find_leader(leader, one), _find_leader(leader, other)))
        leader[second] = leader[first] = first
    return {match: _find_leader(leader, match) for match in sorted(leader)}


def extend_splits_to_duplicates(
    stated: Mapping[MatchKey, str], pairs: Iterable[DuplicateMatch]
) -> dict[MatchKey, str]:
    """The splits that sources state, for the doubles of their matches as well.

    A `InputError` names two matches that are one and stand in two splits.
    """
    groups = find_group_leaders(pairs)
    known: dict[MatchKey, tuple[str, MatchKey]] = {}  # leader -> split, and who says so
    for match in sorted(stated):
        split, first = known.setdefault(groups.get(match, match), (stated[match], match))
        if split != stated[match]:
            wrong = f"is {stated[match]}, but it is the same match as {first[1]}, which is {split}"
            raise InputError(
                match[1], wrong, "take one of the two out, or state one split for both"
            )
    of_doubles = {m: known[top][0] for m, top in groups.items() if top in known}
    return {**stated, **of_doubles}


def _find_leader(leader: dict[MatchKey, MatchKey], match: MatchKey) -> MatchKey:
    while leader.get(match, match) != match:
        match = leader[match]
    return match
