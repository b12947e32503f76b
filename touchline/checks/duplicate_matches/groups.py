"""Group duplicate matches, so that a group shares one split."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from touchline.errors import InputError

MatchKey = tuple[str, str]  # sport and match: what a split is decided by


class DuplicateMatch(NamedTuple):
    """Two matches found to be the same, and why."""

    one: MatchKey
    other: MatchKey
    why: str


def find_group_leaders(pairs: Iterable[DuplicateMatch]) -> dict[MatchKey, MatchKey]:
    """{match: first match of its group in alphabetical order} for every match that has
    a duplicate.
    """
    leader: dict[MatchKey, MatchKey] = {}
    for match_a, match_b, _ in pairs:
        first, second = sorted((_find_leader(leader, match_a), _find_leader(leader, match_b)))
        leader[second] = leader[first] = first
    return {match: _find_leader(leader, match) for match in sorted(leader)}


def extend_splits_to_duplicates(
    stated: Mapping[MatchKey, str], pairs: Iterable[DuplicateMatch]
) -> dict[MatchKey, str]:
    """The stated splits, extended to the duplicates of their matches. Raises InputError if
    duplicates are stated in different splits.
    """
    groups = find_group_leaders(pairs)
    split_by_group: dict[MatchKey, tuple[str, MatchKey]] = {}  # leader -> split, and who says so
    for match in sorted(stated):
        split, stated_match = split_by_group.setdefault(
            groups.get(match, match), (stated[match], match)
        )
        if split != stated[match]:
            wrong = (
                f"is {stated[match]}, but it is the same match as {stated_match[1]}, "
                f"which is {split}"
            )
            raise InputError(
                match[1], wrong, "take one of the two out, or state one split for both"
            )
    duplicate_splits = {
        m: split_by_group[top][0] for m, top in groups.items() if top in split_by_group
    }
    return {**stated, **duplicate_splits}


def _find_leader(leader: dict[MatchKey, MatchKey], match: MatchKey) -> MatchKey:
    while leader.get(match, match) != match:
        match = leader[match]
    return match
