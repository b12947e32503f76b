"""Matches that are one share a split, whatever the sources state."""

from itertools import permutations

import pytest

from touchline.checks.duplicate_matches.groups import (
    DuplicateMatch,
    extend_splits_to_duplicates,
    find_group_leaders,
)
from touchline.errors import InputError

A, B, C, D, E = (("soccer", name) for name in "abcde")


@pytest.mark.parametrize("order", list(permutations([(C, B), (B, D), (A, E)])))
def test_doubles_of_doubles_are_one_group(order: tuple):
    pairs = [DuplicateMatch(one, other, "") for one, other in order]
    assert find_group_leaders(pairs) == {A: A, E: A, B: B, C: B, D: B}


def test_no_pairs_no_groups():
    assert find_group_leaders([]) == {}


def test_a_stated_split_holds_for_the_doubles_too():
    pairs = [DuplicateMatch(A, B, ""), DuplicateMatch(B, C, "")]
    assert extend_splits_to_duplicates({B: "test", D: "train"}, pairs) == {
        A: "test", B: "test", C: "test", D: "train",
    }  # fmt: skip


def test_stated_splits_that_contradict_name_both_matches():
    with pytest.raises(
        InputError, match="c: is train, but it is the same match as a, which is test"
    ):
        extend_splits_to_duplicates(
            {A: "test", C: "train"}, [DuplicateMatch(A, B, ""), DuplicateMatch(C, B, "")]
        )
