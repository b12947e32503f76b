"""The proof that RL sees: what the tool returned is what the training forward was given.

Three things are held against each other for every rollout: the frames that its turns were answered
with, the picture tokens in its text, and the patches beside them. TRL drops all pictures of a batch
without a word when its own count is off, and training then goes on blind; here it stops.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from trl.trainer.utils import split_pixel_values_by_grid, unsplit_pixel_values_by_grid

from touchline.atomic import whole_file
from touchline.config import Params
from touchline.errors import BadInput
from touchline.model.pixels import Pixels, black, digest, flat, received, resized, same

PROOF = "sight.json"  # beside the model
REMEDY = "this is a fault of the training code, not of the data: report it with params.yaml"

LOOK = "see that its vision tower is loaded and connected"


class Sight(Params):
    """How often the counterfactual is asked, of how many rollouts, and what it must find."""

    every: int  # steps between two counterfactuals; 0 asks none, and nothing is proved then
    rollouts: int  # per process that are asked
    least: float  # nats per token by which blanked frames must move the log-probability


@dataclass(frozen=True)
class Proof:
    """What was compared in one training forward of one process."""

    rollouts: int
    frames: int
    unseen: int  # frames of a reply that did not fit, so that neither text nor patches hold them
    faults: tuple[str, ...]


def prove(
    names: Sequence[int],
    turns: Sequence[Sequence[Sequence[Pixels]]],
    pads: Sequence[int],
    given: Mapping[str, Any],
    images: Any,
) -> Proof:
    """Compare what the rollouts of a batch were shown with what a forward is `given` of them.

    `names` are their numbers, `turns` the frames of their turns, `pads` how many picture tokens
    their texts hold; `given` holds pixel_values (rows, values), image_grid_thw (frames, 3) and
    num_images (per rollout), where there are any; `images` is the image processor.
    """
    frames, exact = _given(given, len(names), images)
    compared = unseen = 0
    faults: list[str] = []
    for name, shown, count, arrived in zip(names, turns, pads, frames, strict=True):
        wrong, missing = _compare(shown, count, arrived, images, exact)
        faults += [f"rollout {name}: {fault}" for fault in wrong]
        compared, unseen = compared + len(arrived), unseen + missing
    return Proof(len(names), compared, unseen, tuple(faults))


def _given(given: Mapping[str, Any], rollouts: int, images: Any) -> tuple[list[list[Pixels]], bool]:
    """The frames each rollout's forward gets, and whether they were carried without loss."""
    patches, grid, counts = (given.get(k) for k in ("pixel_values", "image_grid_thw", "num_images"))
    if patches is None or grid is None or counts is None:
        return [[] for _ in range(rollouts)], True
    every = iter(received(patches, grid, images))
    return [[next(every) for _ in range(n)] for n in counts], patches.dtype == torch.float32


def _compare(
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
    expected = flat(shown)
    whole = [sum(map(len, shown[:n])) for n in range(len(shown) + 1)]
    if len(arrived) not in whole:  # a reply may be missing, but not a part of one
        more = len(arrived) - len(expected)
        if more > 0:
            return [f"{more} frames more than the tool returned"], 0
        turn, frame, _ = expected[len(arrived)]
        return [f"turn {turn}, frame {frame} and what follows never came"], 0
    wrong = []
    for (turn, frame, shot), got in zip(expected, arrived, strict=False):
        pixels = resized(shot, images)
        if not same(pixels, got, exact):
            differ = f"the tool returned {digest(pixels)}, training was given {digest(got[0])}"
            wrong.append(f"turn {turn}, frame {frame}: {differ}")
    return wrong, len(expected) - len(arrived)


def demand(step: int, proofs: Sequence[Proof]) -> None:
    """Stop when anything differed; every process is given all proofs, so all stop alike."""
    faults = [fault for proof in proofs for fault in proof.faults]
    if faults:
        more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
        raise BadInput(f"step {step}", f"training does not see: {faults[0]}{more}", REMEDY)


def demand_use(step: int, found: Mapping[str, float], sight: Sight) -> None:
    """Stop when blanked frames leave the chosen tokens as likely as they were."""
    blind = {name: value for name, value in found.items() if value < sight.least}
    if not blind:
        return
    name, value = next(iter(blind.items()))
    what = "the frames that it asked for" if name.endswith("/tool") else "all frames"
    wrong = (
        f"with {what} blanked the log-probability of the chosen tokens moves by {value:.2g} nats, "
        f"less than {sight.least:g} ({name}): the student does not use what it sees"
    )
    raise BadInput(f"step {step}", wrong, f"{LOOK}, train SFT longer, or lower rl.sight.least")


@dataclass(frozen=True)
class Checked:
    """One step of the proof; `used` holds what its counterfactual found, if it was asked."""

    step: int
    rollouts: int
    frames: int
    unseen: int
    used: Mapping[str, float]


def keep(folder: Path, checked: Checked) -> None:
    """One file per step, which a resumed training makes again, byte by byte."""
    with whole_file(folder / f"step-{checked.step:08d}.json") as draft:
        draft.write_text(json.dumps(asdict(checked), sort_keys=True) + "\n")


def told(folder: Path, steps: int, sight: Sight) -> dict[str, Any]:
    """The proof of a training of so many steps: what `sight.json` says.

    `proved` means that every step was compared and a counterfactual moved the answers.
    """
    files = [folder / f"step-{step:08d}.json" for step in range(steps)]
    every = [json.loads(file.read_text()) for file in files if file.is_file()]
    checks = [{"step": one["step"], **one["used"]} for one in every if one["used"]]
    sums = {key: sum(one[key] for one in every) for key in ("rollouts", "frames", "unseen")}
    return {
        "proved": 0 < steps == len(every) and bool(checks),
        "steps": len(every),
        **sums,
        "least": sight.least,
        "checks": checks,
    }


def leave_proof(file: Path, found: Mapping[str, Any]) -> None:
    """Write `sight.json`."""
    with whole_file(file) as draft:
        draft.write_text(json.dumps(found, indent=2, sort_keys=True) + "\n")


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
