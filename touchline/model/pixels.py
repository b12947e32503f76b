"""What a model is given of a frame: pixels as the tool returned them, and as they came back out.

A processor cuts a frame into patches and scales its values. Turned back, they are the very pixels
of the frame, so a digest of both sides proves that a frame was neither lost nor swapped on its way.
"""

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from PIL.Image import Image
from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import smart_resize

Pixels = np.ndarray  # (height, width, 3), uint8
COARSE = 2  # levels of 255 by which a frame may differ that was carried in half precision


def digest(pixels: Pixels) -> str:
    """Names a picture by its size and pixels."""
    named = hashlib.blake2b(repr(pixels.shape).encode(), digest_size=16)
    named.update(np.ascontiguousarray(pixels).tobytes())
    return named.hexdigest()


def pixels_of(image: Image) -> Pixels:
    """A copy: what happens to the picture later leaves it alone."""
    return np.array(image.convert("RGB"))


def resized(pixels: Pixels, images: Any) -> Pixels:
    """A frame at the size to which the image processor brings it."""
    height, width = pixels.shape[:2]
    least, most = images.size["shortest_edge"], images.size["longest_edge"]
    factor = images.patch_size * images.merge_size
    target = smart_resize(height, width, factor, min_pixels=least, max_pixels=most)
    if target == (height, width):
        return pixels
    given = {"size": images.size, "resample": images.resample, "factor": factor}
    return np.asarray(images.resize(pixels.transpose(2, 0, 1), **given)).transpose(1, 2, 0)


def received(patches: torch.Tensor, grid: torch.Tensor, images: Any) -> list[Pixels]:
    """The frames within patches (rows, values): each (copies in time, height, width, 3).

    `grid` is (frames, 3) patches in time, down and across.
    """
    rows = torch.split(patches.detach(), grid.prod(-1).tolist())
    return [
        _frame(some, tuple(size), images) for some, size in zip(rows, grid.tolist(), strict=True)
    ]


def _frame(rows: torch.Tensor, size: tuple[int, ...], images: Any) -> Pixels:
    (_, down, across), side, merge = size, images.patch_size, images.merge_size
    copies = images.temporal_patch_size
    shape = (down // merge, across // merge, merge, merge, 3, copies, side, side)
    cut = _unscaled(rows.reshape(shape), images)
    # -> copies, (block, patch, pixel) down, the same across, colour
    whole = cut.permute(5, 0, 2, 6, 1, 3, 7, 4)
    return whole.reshape(copies, down * side, across * side, 3).cpu().numpy()


def _unscaled(values: torch.Tensor, images: Any) -> torch.Tensor:
    mean, std = (torch.tensor(v, device=values.device).reshape(3, 1, 1, 1)
                 for v in (images.image_mean, images.image_std))  # fmt: skip
    levels = (values.float() * std + mean) / images.rescale_factor
    return levels.round().clamp(0, 255).to(torch.uint8)


def same(expected: Pixels, arrived: Pixels, exact: bool) -> bool:
    """Whether every copy of a frame that arrived is the one expected; `exact` compares digests."""
    if expected.shape != arrived.shape[1:]:
        return False
    if exact:
        return {digest(copy) for copy in arrived} == {digest(expected)}
    return int(np.abs(arrived.astype(int) - expected).max()) <= COARSE


def black(images: Any) -> torch.Tensor:
    """One row of patches of a black frame."""
    values = [-mean / std for mean, std in zip(images.image_mean, images.image_std, strict=True)]
    each = images.temporal_patch_size * images.patch_size**2
    return torch.tensor(values).repeat_interleave(each)


def flat(turns: Sequence[Sequence[Pixels]]) -> list[tuple[int, int, Pixels]]:
    """(turn, frame of the turn, pixels) of all frames, in the order shown."""
    return [(t, f, pixels) for t, turn in enumerate(turns) for f, pixels in enumerate(turn)]
