"""Start the tiny student with heads that copy, which a small model otherwise learns last.

To answer, it must find the asked word among the words it has written and say the time before it
(from a random start that came after some 300 steps of 16 samples). Two heads do it from the first
step, built as induction heads are in trained models (Olsson et al. 2022); like any initial weights
(mimetic initialisation, Trockman & Kolter 2023) they are trained on.

- layer 0, head 0 attends to the token before and writes it into a subspace of its own;
- layer 1, head 0 attends to equal tokens a little further back and says the token before them.
"""

from typing import Any

import torch
from transformers import Qwen3VLForConditionalGeneration

SHARPNESS = 1.6  # weight of the query and key norms: how sharply these layers attend
CONSTANT = 0.06  # what every embedding has in its first dimension, about three times the others
WRITTEN = 0.036  # scale of what a head writes, so that it weighs as much as an embedding
NEAR = slice(0, 4)  # rotary pairs that tell neighbours apart
FAR = slice(3, 9)  # pairs that tell itself from a few words back, and reach across a thought
BACK = 12  # tokens: how far back a written word is looked for, rather than at itself


def begin_with_copying(model: Qwen3VLForConditionalGeneration, seed: int) -> None:
    """Overwrite two heads of the language model's first two layers, in place."""
    text = model.model.language_model
    first, second = (layer.self_attn for layer in text.layers[:2])
    hidden, size = text.config.hidden_size, first.head_dim
    random = torch.Generator().manual_seed(seed)
    before, token, own = (_subspace(size, hidden, random) for _ in range(3))
    with torch.no_grad():
        text.embed_tokens.weight[:, 0] = CONSTANT
        for attention in (first, second):
            attention.q_norm.weight.fill_(SHARPNESS)
            attention.k_norm.weight.fill_(SHARPNESS)
        query, key = _step_back(first, hidden)
        _head(first, 0, query, key, token, before)
        query, key = _further_back(second, own)
        _head(second, 0, query, key, before, token)


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
    attention.o_proj.weight[:, rows] = WRITTEN * write.T


def _subspace(size: int, hidden: int, random: torch.Generator) -> torch.Tensor:
    """`size` orthonormal directions that leave the constant first dimension alone."""
    square = torch.linalg.qr(torch.randn(hidden - 1, hidden - 1, generator=random))[0]
    return torch.cat([torch.zeros(size, 1), square[:size]], dim=1)


def _step_back(attention: Any, hidden: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Query and key that read only the constant; rotated, they meet one position apart."""
    turn, half = _turns(attention), attention.head_dim // 2
    query, key = torch.zeros(2 * half, hidden), torch.zeros(2 * half, hidden)
    query[:half][NEAR, 0] = 1.0
    key[:half][NEAR, 0], key[half:][NEAR, 0] = turn[NEAR].cos(), turn[NEAR].sin()
    return query, key


def _further_back(attention: Any, own: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Query and key that meet on equal tokens, best `BACK` positions apart."""
    half = attention.head_dim // 2
    turn = (_turns(attention) * BACK)[:, None]
    query, key = torch.zeros_like(own), torch.zeros_like(own)
    query[:half][FAR], query[half:][FAR] = own[:half][FAR], own[half:][FAR]
    key[:half][FAR] = (own[:half] * turn.cos() - own[half:] * turn.sin())[FAR]
    key[half:][FAR] = (own[half:] * turn.cos() + own[:half] * turn.sin())[FAR]
    return query, key


def _turns(attention: Any) -> torch.Tensor:
    """Angle per position of each rotary pair."""
    size, theta = attention.head_dim, attention.config.rope_parameters["rope_theta"]
    return theta ** (-torch.arange(size // 2) * 2 / size)
