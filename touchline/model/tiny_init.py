"""Initialise the tiny model with attention heads that copy tokens, which a small model otherwise
learns last.

To answer, the model must find the asked word among the words it has written and repeat the time
before it (from a random start it learnt that after some 300 steps of 16 samples), and find an
option in the question and repeat its letter (not learnt within any training we could afford). A few
heads do both from the first step. They are built as induction heads in trained models (Olsson et
al. 2022) and are trained on like any initial weights (mimetic initialisation, Trockman & Kolter
2023).

- layer 0, head 0 attends to the previous token and writes it into a subspace of its own;

- layer 1, heads 0 and 1 attend to equal tokens about one thought, or as far as the question, back
  and output the token before them;

- layer 1, head 2 attends to the token that once followed the current one and outputs it.
"""

from typing import Any

import torch
from transformers import Qwen3VLForConditionalGeneration

QK_NORM_WEIGHT = 1.6  # weight of the query and key norms: how sharply these layers attend
CONSTANT_VALUE = (
    0.06  # what every embedding has in its first dimension, about three times the others
)
WRITE_SCALE = 0.07  # scale of what a head writes: the copied token is likelier than any other
INDUCTION_GAIN = 3.0  # so much stronger is a token written by layer 0 than one that is an embedding
NEIGHBOUR_PAIRS = slice(0, 4)  # rotary pairs that tell neighbours apart
THOUGHT_PAIRS = slice(
    3, 9
)  # pairs that tell itself from a few words back, and reach across a thought
THOUGHT_DISTANCE = 12  # tokens: how far back a written word is looked for, rather than at itself
QUESTION_PAIRS = slice(4, 10)  # pairs that tell a thought from the question before it
QUESTION_DISTANCE = (
    35  # tokens from the end of the first thought back to the options of its question
)
DISTANCE_FREE_PAIRS = slice(9, 16)  # pairs that turn so slowly that distance does not count


def init_copying_heads(model: Qwen3VLForConditionalGeneration, seed: int) -> None:
    """Overwrite one head of the first and three of the second language-model layer, in place. All
    output projections of attention and MLP are zeroed first.
    """
    text = model.model.language_model
    first, second = (layer.self_attn for layer in text.layers[:2])
    hidden, head_size = text.config.hidden_size, first.head_dim
    previous_token, current_token, match_token = _orthonormal_subspaces(3, head_size, hidden, seed)
    with torch.no_grad():
        for layer in text.layers:  # so that at first nothing but the copies is added to a token
            layer.self_attn.o_proj.weight.zero_()
            layer.mlp.down_proj.weight.zero_()
        text.embed_tokens.weight[:, 0] = CONSTANT_VALUE
        for attention in (first, second):
            attention.q_norm.weight.fill_(QK_NORM_WEIGHT)
            attention.k_norm.weight.fill_(QK_NORM_WEIGHT)
        query, key = _previous_token_query_key(first, hidden)
        _set_head(first, 0, query, key, current_token, WRITE_SCALE * previous_token)
        query, key = _equal_token_query_key(
            second, match_token, match_token, THOUGHT_PAIRS, THOUGHT_DISTANCE
        )
        _set_head(second, 0, query, key, previous_token, WRITE_SCALE * current_token)
        query, key = _equal_token_query_key(
            second, match_token, match_token, QUESTION_PAIRS, QUESTION_DISTANCE
        )
        _set_head(second, 1, query, key, previous_token, WRITE_SCALE * current_token)
        query, key = _equal_token_query_key(
            second, current_token, previous_token, DISTANCE_FREE_PAIRS, 0
        )
        _set_head(
            second, 2, query, key, current_token, INDUCTION_GAIN * WRITE_SCALE * current_token
        )


def _set_head(
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


def _orthonormal_subspaces(count: int, size: int, hidden: int, seed: int) -> list[torch.Tensor]:
    """`count` times `size` orthonormal directions; the constant first dimension is left alone."""
    random = torch.randn(hidden - 1, hidden - 1, generator=torch.Generator().manual_seed(seed))
    square = torch.linalg.qr(random)[0]
    directions = torch.cat([torch.zeros(hidden - 1, 1), square], dim=1)
    return [directions[i * size : (i + 1) * size] for i in range(count)]


def _previous_token_query_key(attention: Any, hidden: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Query and key that read only the constant; rotated, they meet one position apart."""
    turn, half = _angles_per_position(attention), attention.head_dim // 2
    query, key = torch.zeros(2 * half, hidden), torch.zeros(2 * half, hidden)
    query[:half][NEIGHBOUR_PAIRS, 0] = 1.0
    key[:half][NEIGHBOUR_PAIRS, 0], key[half:][NEIGHBOUR_PAIRS, 0] = (
        turn[NEIGHBOUR_PAIRS].cos(),
        turn[NEIGHBOUR_PAIRS].sin(),
    )
    return query, key


def _equal_token_query_key(
    attention: Any,
    query_subspace: torch.Tensor,
    key_subspace: torch.Tensor,
    pairs: slice,
    distance: int,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Query and key that meet where `asks` of one token equals `has` of another.

    They meet best `distance` positions apart, as far as the rotary `pairs` can tell.
    """
    half = attention.head_dim // 2
    turn = (_angles_per_position(attention) * distance)[:, None]
    query, key = torch.zeros_like(query_subspace), torch.zeros_like(key_subspace)
    query[:half][pairs], query[half:][pairs] = (
        query_subspace[:half][pairs],
        query_subspace[half:][pairs],
    )
    key[:half][pairs] = (key_subspace[:half] * turn.cos() - key_subspace[half:] * turn.sin())[pairs]
    key[half:][pairs] = (key_subspace[half:] * turn.cos() + key_subspace[:half] * turn.sin())[pairs]
    return query, key


def _angles_per_position(attention: Any) -> torch.Tensor:
    """Angle per position of each rotary pair."""
    size, theta = attention.head_dim, attention.config.rope_parameters["rope_theta"]
    return theta ** (-torch.arange(size // 2) * 2 / size)
