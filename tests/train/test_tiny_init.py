"""The tiny student copies from its first step on: what its heads are built to find, they say."""

from random import Random
from typing import Any

import pytest
import torch

PAIR = 2  # tokens: what is looked for, and its neighbour


def said(net: Any, before: list[int], between: list[int]) -> torch.Tensor:
    """The next token's logits after `before`, `between` and the last token of `before` again."""
    ids = [*before, *between, before[-1]]
    with torch.inference_mode():
        return net(input_ids=torch.tensor([ids])).logits[0, -1]


@pytest.mark.parametrize("distance", [9, 12, 16, 30, 35, 39])
def test_the_token_before_an_earlier_equal_one_is_said(kit: Any, distance: int):
    """Asked word -> its time, within a thought; option -> its letter, from the question."""
    places = []
    for seed in range(10):
        tokens = Random(seed).sample(range(len(kit.processor.tokenizer) - 20), 25 + distance)
        before, between = tokens[:26], tokens[26:]
        logits = said(kit.net, before, between)
        places.append(int((logits > logits[before[-PAIR]]).sum()))
    assert sorted(places)[5] <= 5, places  # of some 500 tokens


@pytest.mark.parametrize("distance", [12, 35, 80])
def test_the_token_after_an_earlier_equal_one_is_among_the_likeliest(kit: Any, distance: int):
    """Against the two other heads, which find nothing worth saying here."""
    places = []
    for seed in range(10):
        tokens = Random(seed).sample(range(len(kit.processor.tokenizer) - 20), 25 + distance)
        follower = tokens[25]
        logits = said(kit.net, tokens[:25], tokens[25:])
        places.append(int((logits > logits[follower]).sum()))
    assert sorted(places)[5] < len(kit.processor.tokenizer) / 10, places
