"""What if the frames were black: how far the log-probabilities of the chosen tokens then move."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from trl.trainer.utils import split_pixel_values_by_grid, unsplit_pixel_values_by_grid

from touchline.student.pixels import black

Batch = Mapping[str, Any]
LogProbs = Callable[[Batch], torch.Tensor]  # (rollouts, completion tokens)
Sum = tuple[float, int]  # of a value over tokens, and over how many


def some(batch: Batch, openings: Sequence[int], count: int) -> tuple[dict[str, Any], list[int]]:
    """`count` rollouts of a batch, those that were shown more than their opening first.

    `openings` says how many frames each had at the start; those of the chosen come back with them.
    """
    more = [n - first for n, first in zip(batch["num_images"], openings, strict=True)]
    chosen = sorted(range(len(more)), key=lambda at: (more[at] <= 0, at))[:count]
    every = split_pixel_values_by_grid(dict(batch))
    picked = {name: _pick(value, chosen) for name, value in every.items()}
    return unsplit_pixel_values_by_grid(picked), [openings[at] for at in chosen]


def _pick(value: Any, chosen: list[int]) -> Any:
    if isinstance(value, torch.Tensor) and value.ndim:
        return value[chosen]
    return [value[at] for at in chosen] if isinstance(value, list) else value


def moved(logps: LogProbs, batch: Batch, openings: Sequence[int], images: Any) -> dict[str, Sum]:
    """Absolute changes of log-probability, summed over the chosen tokens (nats).

    `vision_used`: all frames are black. `vision_used/tool`: those that came with calls are, and of
    the tokens only the ones that a model wrote behind them count.
    """
    written = batch["completion_mask"] * batch.get("tool_mask", 1)
    seen = logps(batch)
    blind = logps(blanked(batch, [0] * len(openings), images))
    later = logps(blanked(batch, openings, images))
    behind = written * (torch.cumsum(1 - batch["tool_mask"], 1) > 0) if "tool_mask" in batch else 0
    return {
        "vision_used": _total(seen - blind, written),
        "vision_used/tool": _total(seen - later, behind * _with_more(batch, openings)),
    }


def _with_more(batch: Batch, openings: Sequence[int]) -> torch.Tensor:
    pairs = zip(batch["num_images"], openings, strict=True)
    looked = [[n > first] for n, first in pairs]
    return torch.tensor(looked, device=batch["completion_mask"].device)


def blanked(batch: Batch, kept: Sequence[int], images: Any) -> dict[str, Any]:
    """The batch with every frame of a rollout black but the first so many it keeps."""
    patches, grid = batch["pixel_values"].clone(), batch["image_grid_thw"]
    dark = black(images).to(patches)
    rows = torch.split(torch.arange(len(patches), device=patches.device), grid.prod(-1).tolist())
    at = 0
    for count, spared in zip(batch["num_images"], kept, strict=True):
        for frame in rows[at + spared : at + count]:
            patches[frame] = dark
        at += count
    return {**batch, "pixel_values": patches}


def divergence(now: torch.Tensor, start: torch.Tensor, batch: Batch) -> Sum:
    """KL from the model at the start of RL, by the estimator that TRL uses: e^d - d - 1."""
    written = batch["completion_mask"] * batch.get("tool_mask", 1)
    gap = start - now
    return _total(torch.exp(gap) - gap - 1, written)


def _total(values: torch.Tensor, mask: torch.Tensor) -> Sum:
    return float((values.abs() * mask).sum()), int(mask.sum())


def means(every: Sequence[Mapping[str, Sum]]) -> dict[str, float]:
    """The mean of each value over the tokens of all processes; of no token there is none."""
    names = sorted({name for sums in every for name in sums})
    found = {name: [sums[name] for sums in every if name in sums] for name in names}
    counts = {name: sum(n for _, n in sums) for name, sums in found.items()}
    return {n: sum(v for v, _ in sums) / counts[n] for n, sums in found.items() if counts[n]}
