"""Start the tiny student with heads that copy, which a small model otherwise learns last.

To answer, it must find the asked word among the words it has written and say the time before it
(from a random start that came after some 300 steps of 16 samples), and find an option in the
question and say its letter (which came after no number of steps that we had time for). A few heads
do it from the first step, built as induction heads are in trained models (Olsson et al. 2022); like
any initial weights (mimetic initialisation, Trockman & Kolter 2023) they are trained on.

- layer 0, head 0 attends to the token before and writes it into a subspace of its own;
- layer 1, heads 0 and 1 attend to equal tokens a thought back, or as far back as the question, and
  say the token before them;
- layer 1, head 2 attends to what once followed this token, and says it again.
"""

from typing import Any

import torch
from transformers import Qwen3VLForConditionalGeneration

SHARPNESS = 1.6  # weight of the query and key norms: how sharply these layers attend
CONSTANT = 0.06  # what every embedding has in its first dimension, about three times the others
WRITTEN = 0.07  # scale of what a head writes: the copied token is likelier than any other
EVEN = 3.0  # so much stronger is a token written by layer 0 than one that is an embedding
NEAR = slice(0, 4)  # rotary pairs that tell neighbours apart
FAR = slice(3, 9)  # pairs that tell itself from a few words back, and reach across a thought
BACK = 12  # tokens: how far back a written word is looked for, rather than at itself
FARTHER = slice(4, 10)  # pairs that tell a thought from the question before it
ASKED = 35  # tokens from the end of the first thought back to the options of its question
ANYWHERE = slice(9, 16)  # pairs that turn so slowly that distance does not count


def begin_with_copying(model: Qwen3VLForConditionalGeneration, seed: int) -> None:
    """Overwrite two heads of the language model's first two layers, in place."""
    text = model.model.language_model
    first, second = (layer.self_attn for layer in text.layers[:2])
    hidden, size = text.config.hidden_size, first.head_dim
    before, token, own = _subspaces(3, size, hidden, seed)
    with torch.no_grad():
        for layer in text.layers:  # so that at first nothing but the copies is added to a token
            layer.self_attn.o_proj.weight.zero_()
            layer.mlp.down_proj.weight.zero_()
        text.embed_tokens.weight[:, 0] = CONSTANT
        for attention in (first, second):
            attention.q_norm.weight.fill_(SHARPNESS)
            attention.k_norm.weight.fill_(SHARPNESS)
        query, key = _step_back(first, hidden)
        _head(first, 0, query, key, token, WRITTEN * before)
        query, key = _back(second, own, own, FAR, BACK)
        _head(second, 0, query, key, before, WRITTEN * token)
        query, key = _back(second, own, own, FARTHER, ASKED)
        _head(second, 1, query, key, before, WRITTEN * token)
        query, key = _back(second, token, before, ANYWHERE, 0)
        _head(second, 2, query, key, token, EVEN * WRITTEN * token)


def _head(
    attention: Any,
    head: int,
    query: torch.Tensor,
    key: torch.Tensor,
    read: torch.Tensor,
    write: torch.Tensor,
) -> None:
    """Set one head; all matrices are (head size, hidden)."""
    rows = slice(head * len(query), (head + 1) * len(query))
    attention.q_proj.weight[rows] = query
    attention.k_proj.weight[rows] = key
    attention.v_proj.weight[rows] = read
    attention.o_proj.weight[:, rows] = write.T


def _subspaces(count: int, size: int, hidden: int, seed: int) -> list[torch.Tensor]:
    """`count` times `size` orthonormal directions; the constant first dimension is left alone."""
    random = torch.randn(hidden - 1, hidden - 1, generator=torch.Generator().manual_seed(seed))
    square = torch.linalg.qr(random)[0]
    every = torch.cat([torch.zeros(hidden - 1, 1), square], dim=1)
    return [every[i * size : (i + 1) * size] for i in range(count)]


def _step_back(attention: Any, hidden: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Query and key that read only the constant; rotated, they meet one position apart."""
    turn, half = _turns(attention), attention.head_dim // 2
    query, key = torch.zeros(2 * half, hidden), torch.zeros(2 * half, hidden)
    query[:half][NEAR, 0] = 1.0
    key[:half][NEAR, 0], key[half:][NEAR, 0] = turn[NEAR].cos(), turn[NEAR].sin()
    return query, key


def _back(
    attention: Any, asks: torch.Tensor, has: torch.Tensor, pairs: slice, distance: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Query and key that meet where `asks` of one token equals `has` of another.

    They meet best `distance` positions apart, as far as the rotary `pairs` can tell.
    """
    half = attention.head_dim // 2
    turn = (_turns(attention) * distance)[:, None]
    query, key = torch.zeros_like(asks), torch.zeros_like(has)
    query[:half][pairs], query[half:][pairs] = asks[:half][pairs], asks[half:][pairs]
    key[:half][pairs] = (has[:half] * turn.cos() - has[half:] * turn.sin())[pairs]
    key[half:][pairs] = (has[half:] * turn.cos() + has[:half] * turn.sin())[pairs]
    return query, key


def _turns(attention: Any) -> torch.Tensor:
    """Angle per position of each rotary pair."""
    size, theta = attention.head_dim, attention.config.rope_parameters["rope_theta"]
    return theta ** (-torch.arange(size // 2) * 2 / size)
