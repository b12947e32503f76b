"""Vision proof for RL: the frames the tool returned are those that the training forward gets, and
blanking them moves the log-probabilities of the chosen tokens.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from trl.trainer.utils import split_pixel_values_by_grid, unsplit_pixel_values_by_grid

from touchline.atomic import atomic_file
from touchline.config import Params
from touchline.errors import InputError
from touchline.model.pixels import (
    Pixels,
    build_black_patch,
    digest_pixels,
    flatten_turn_frames,
    is_same_frame,
    resize_like_processor,
    unpatch_frames,
)

VISION_PROOF_FILE = "sight.json"  # beside the model
TRAINING_FAULT_REMEDY = (
    "this is a fault of the training code, not of the data: report it with params.yaml"
)

VISION_TOWER_REMEDY = "see that its vision tower is loaded and connected"


class VisionProofParams(Params):
    """How often and on how many rollouts the black-frames counterfactual runs, and the least change
    it must find.
    """

    every: int  # steps between two counterfactuals; 0 asks none, and nothing is proved then
    rollouts: int  # per process that are asked
    least: float  # nats per token by which blanked frames must move the log-probability


@dataclass(frozen=True)
class FrameComparison:
    """The frame comparison of one training forward in one process."""

    rollouts: int
    frames: int
    unseen: int  # frames of a reply that did not fit, so that neither text nor patches hold them
    faults: tuple[str, ...]


def compare_rollout_frames(
    names: Sequence[int],
    turns: Sequence[Sequence[Sequence[Pixels]]],
    pads: Sequence[int],
    forward_inputs: Mapping[str, Any],
    images: Any,
) -> FrameComparison:
    """Compare the frames shown to the rollouts of a batch with what a forward gets.

    `names` are rollout numbers, `turns` the frames of each turn, `pads` the image token count per
    text. `forward_inputs` may hold pixel_values (rows, values), image_grid_thw (frames, 3) and
    num_images (per rollout); `images` is the image processor.
    """
    frames, exact = _frames_in_forward(forward_inputs, len(names), images)
    compared = unseen = 0
    faults: list[str] = []
    for name, shown, count, arrived in zip(names, turns, pads, frames, strict=True):
        wrong, missing = _compare_rollout(shown, count, arrived, images, exact)
        faults += [f"rollout {name}: {fault}" for fault in wrong]
        compared, unseen = compared + len(arrived), unseen + missing
    return FrameComparison(len(names), compared, unseen, tuple(faults))


def _frames_in_forward(
    forward_inputs: Mapping[str, Any], rollouts: int, images: Any
) -> tuple[list[list[Pixels]], bool]:
    """The frames each rollout's forward gets, and whether they were carried without loss."""
    patches, grid, counts = (
        forward_inputs.get(k) for k in ("pixel_values", "image_grid_thw", "num_images")
    )
    if patches is None or grid is None or counts is None:
        return [[] for _ in range(rollouts)], True
    frames = iter(unpatch_frames(patches, grid, images))
    return [[next(frames) for _ in range(n)] for n in counts], patches.dtype == torch.float32


def _compare_rollout(
    shown: Sequence[Sequence[Pixels]],
    pads: int,
    arrived: Sequence[Pixels],
    images: Any,
    exact: bool,
) -> tuple[list[str], int]:
    """What is wrong with one rollout, and how many frames of it nobody saw."""
    merged = images.patch_size * images.merge_size
    tokens = sum(f.shape[1] * f.shape[2] // merged**2 for f in arrived)
    if tokens != pads:
        return [f"{pads} picture tokens, but patches for {tokens}"], 0
    expected = flatten_turn_frames(shown)
    whole_turn_counts = [sum(map(len, shown[:n])) for n in range(len(shown) + 1)]
    if len(arrived) not in whole_turn_counts:  # a reply may be missing, but not a part of one
        more = len(arrived) - len(expected)
        if more > 0:
            return [f"{more} frames more than the tool returned"], 0
        turn, frame, _ = expected[len(arrived)]
        return [f"turn {turn}, frame {frame} and what follows never came"], 0
    wrong = []
    for (turn, frame, shot), got in zip(expected, arrived, strict=False):
        pixels = resize_like_processor(shot, images)
        if not is_same_frame(pixels, got, exact):
            differ = (
                f"the tool returned {digest_pixels(pixels)}, training was given "
                f"{digest_pixels(got[0])}"
            )
            wrong.append(f"turn {turn}, frame {frame}: {differ}")
    return wrong, len(expected) - len(arrived)


def require_equal_frames(step: int, comparisons: Sequence[FrameComparison]) -> None:
    """Raise `InputError` if any comparison found a difference. Pass the comparisons of all
    processes, so that all stop together.
    """
    faults = [fault for proof in comparisons for fault in proof.faults]
    if faults:
        more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
        raise InputError(
            f"step {step}", f"training does not see: {faults[0]}{more}", TRAINING_FAULT_REMEDY
        )


def require_vision_use(step: int, changes: Mapping[str, float], sight: VisionProofParams) -> None:
    """Raise `InputError` if blanking frames changes log-probabilities by less than
    `sight.least` nats per token.
    """
    blind = {name: value for name, value in changes.items() if value < sight.least}
    if not blind:
        return
    name, value = next(iter(blind.items()))
    blanked_frames = "the frames that it asked for" if name.endswith("/tool") else "all frames"
    wrong = (
        f"with {blanked_frames} blanked the log-probability of the chosen tokens "
        f"moves by {value:.2g} nats, "
        f"less than {sight.least:g} ({name}): the student does not use what it sees"
    )
    raise InputError(
        f"step {step}", wrong, f"{VISION_TOWER_REMEDY}, train SFT longer, or lower rl.sight.least"
    )


@dataclass(frozen=True)
class VisionProofStep:
    """The vision proof of one training step; `used` holds the counterfactual's results, empty if it
    did not run.
    """

    step: int
    rollouts: int
    frames: int
    unseen: int
    used: Mapping[str, float]


def write_vision_proof_step(folder: Path, proof_step: VisionProofStep) -> None:
    """Write the vision proof of one step to a JSON file; a resumed training reproduces it byte for
    byte.
    """
    with atomic_file(folder / f"step-{proof_step.step:08d}.json") as draft:
        draft.write_text(json.dumps(asdict(proof_step), sort_keys=True) + "\n")


def summarize_vision_proof(folder: Path, steps: int, sight: VisionProofParams) -> dict[str, Any]:
    """Summarise the vision proof of a training of `steps` steps: the content of sight.json.

    `proved` is true if every step was compared and at least one counterfactual ran.
    """
    files = [folder / f"step-{step:08d}.json" for step in range(steps)]
    step_records = [json.loads(file.read_text()) for file in files if file.is_file()]
    checks = [
        {"step": record["step"], **record["used"]} for record in step_records if record["used"]
    ]
    sums = {
        key: sum(record[key] for record in step_records) for key in ("rollouts", "frames", "unseen")
    }
    return {
        "proved": 0 < steps == len(step_records) and bool(checks),
        "steps": len(step_records),
        **sums,
        "least": sight.least,
        "checks": checks,
    }


def write_vision_proof(file: Path, summary: Mapping[str, Any]) -> None:
    """Write the summary (sight.json)."""
    with atomic_file(file) as draft:
        draft.write_text(json.dumps(summary, indent=2, sort_keys=True) + "\n")


Batch = Mapping[str, Any]
LogProbs = Callable[[Batch], torch.Tensor]  # (rollouts, completion tokens)
TokenSum = tuple[float, int]  # of a value over tokens, and over how many


def select_rollouts(
    batch: Batch, openings: Sequence[int], count: int
) -> tuple[dict[str, Any], list[int]]:
    """Select `count` rollouts of a batch, first those that requested frames beyond their opening
    ones.

    `openings` is the number of opening frames per rollout. Returns the smaller batch and the
    opening counts of the selected rollouts.
    """
    requested_frames = [n - first for n, first in zip(batch["num_images"], openings, strict=True)]
    chosen = sorted(range(len(requested_frames)), key=lambda at: (requested_frames[at] <= 0, at))[
        :count
    ]
    split_batch = split_pixel_values_by_grid(dict(batch))
    picked = {name: _take_rollouts(value, chosen) for name, value in split_batch.items()}
    return unsplit_pixel_values_by_grid(picked), [openings[at] for at in chosen]


def _take_rollouts(value: Any, chosen: list[int]) -> Any:
    if isinstance(value, torch.Tensor) and value.ndim:
        return value[chosen]
    return [value[at] for at in chosen] if isinstance(value, list) else value


def measure_vision_use(
    logps: LogProbs, batch: Batch, openings: Sequence[int], images: Any
) -> dict[str, TokenSum]:
    """Absolute changes of log-probability (nats) when frames are black: {name: (sum over tokens,
    number of tokens)}.

    `vision_used`: all frames are black, all generated tokens count. `vision_used/tool`: only frames
    returned by tool calls are black, and only tokens generated after the first tool reply count.
    """
    written = batch["completion_mask"] * batch.get("tool_mask", 1)
    seen_logps = logps(batch)
    blind_logps = logps(blacken_frames(batch, [0] * len(openings), images))
    opening_only_logps = logps(blacken_frames(batch, openings, images))
    after_tool_mask = (
        written * (torch.cumsum(1 - batch["tool_mask"], 1) > 0) if "tool_mask" in batch else 0
    )
    return {
        "vision_used": _masked_abs_sum(seen_logps - blind_logps, written),
        "vision_used/tool": _masked_abs_sum(
            seen_logps - opening_only_logps, after_tool_mask * _requested_more_mask(batch, openings)
        ),
    }


def _requested_more_mask(batch: Batch, openings: Sequence[int]) -> torch.Tensor:
    pairs = zip(batch["num_images"], openings, strict=True)
    requested_more = [[n > first] for n, first in pairs]
    return torch.tensor(requested_more, device=batch["completion_mask"].device)


def blacken_frames(batch: Batch, kept_frames: Sequence[int], images: Any) -> dict[str, Any]:
    """A copy of the batch in which every frame of a rollout is black except its first `kept[i]`
    ones.
    """
    patches, grid = batch["pixel_values"].clone(), batch["image_grid_thw"]
    black_patch = build_black_patch(images).to(patches)
    rows = torch.split(torch.arange(len(patches), device=patches.device), grid.prod(-1).tolist())
    at = 0
    for count, kept_count in zip(batch["num_images"], kept_frames, strict=True):
        for frame in rows[at + kept_count : at + count]:
            patches[frame] = black_patch
        at += count
    return {**batch, "pixel_values": patches}


def sum_kl_divergence(now: torch.Tensor, start: torch.Tensor, batch: Batch) -> TokenSum:
    """KL divergence from the model at the start of RL, by TRL's estimator e^d - d - 1: (sum over
    tokens, number of tokens).
    """
    written = batch["completion_mask"] * batch.get("tool_mask", 1)
    gap = start - now
    return _masked_abs_sum(torch.exp(gap) - gap - 1, written)


def _masked_abs_sum(values: torch.Tensor, mask: torch.Tensor) -> TokenSum:
    return float((values.abs() * mask).sum()), int(mask.sum())


def average_token_sums(sums_per_process: Sequence[Mapping[str, TokenSum]]) -> dict[str, float]:
    """Mean of each quantity over the tokens of all processes; quantities without tokens are left
    out.
    """
    names = sorted({name for sums in sums_per_process for name in sums})
    sums_by_name = {
        name: [sums[name] for sums in sums_per_process if name in sums] for name in names
    }
    counts = {name: sum(n for _, n in sums) for name, sums in sums_by_name.items()}
    return {n: sum(v for v, _ in sums) / counts[n] for n, sums in sums_by_name.items() if counts[n]}
