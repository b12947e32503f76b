"""Convert frames to pixel arrays and model patches back to frames, to check that they are the same.

An image processor cuts a frame into patches and normalises them. Reversed, this gives the frame's
exact pixels, so comparing digests proves that no frame was lost or swapped.
"""

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from PIL.Image import Image
from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import smart_resize

Pixels = np.ndarray  # (height, width, 3), uint8
HALF_PRECISION_TOLERANCE = (
    2  # levels of 255 by which a frame may differ that was carried in half precision
)


def digest_pixels(pixels: Pixels) -> str:
    """BLAKE2 hex digest of a frame's shape and pixels."""
    named = hashlib.blake2b(repr(pixels.shape).encode(), digest_size=16)
    named.update(np.ascontiguousarray(pixels).tobytes())
    return named.hexdigest()


def image_to_pixels(image: Image) -> Pixels:
    """The image as an RGB array (height, width, 3), uint8; a copy."""
    return np.array(image.convert("RGB"))


def resize_like_processor(pixels: Pixels, images: Any) -> Pixels:
    """A frame at the size to which the image processor would resize it."""
    height, width = pixels.shape[:2]
    least, most = images.size["shortest_edge"], images.size["longest_edge"]
    factor = images.patch_size * images.merge_size
    target = smart_resize(height, width, factor, min_pixels=least, max_pixels=most)
    if target == (height, width):
        return pixels
    resize_options = {"size": images.size, "resample": images.resample, "factor": factor}
    return np.asarray(images.resize(pixels.transpose(2, 0, 1), **resize_options)).transpose(1, 2, 0)


def unpatch_frames(patches: torch.Tensor, grid: torch.Tensor, images: Any) -> list[Pixels]:
    """Rebuild the frames from patches (rows, values): a list of arrays (temporal copies, height,
    width, 3).

    `grid` is image_grid_thw: (frames, 3) patches in time, height and width.
    """
    rows = torch.split(patches.detach(), grid.prod(-1).tolist())
    return [
        _unpatch_frame(some, tuple(size), images)
        for some, size in zip(rows, grid.tolist(), strict=True)
    ]


def _unpatch_frame(rows: torch.Tensor, size: tuple[int, ...], images: Any) -> Pixels:
    (_, down, across), side, merge = size, images.patch_size, images.merge_size
    copies = images.temporal_patch_size
    shape = (down // merge, across // merge, merge, merge, 3, copies, side, side)
    cut = _denormalize(rows.reshape(shape), images)
    # -> copies, (block, patch, pixel) down, the same across, colour
    whole = cut.permute(5, 0, 2, 6, 1, 3, 7, 4)
    return whole.reshape(copies, down * side, across * side, 3).cpu().numpy()


def _denormalize(values: torch.Tensor, images: Any) -> torch.Tensor:
    mean, std = (torch.tensor(v, device=values.device).reshape(3, 1, 1, 1)
                 for v in (images.image_mean, images.image_std))  # fmt: skip
    levels = (values.float() * std + mean) / images.rescale_factor
    return levels.round().clamp(0, 255).to(torch.uint8)


def is_same_frame(expected: Pixels, arrived: Pixels, exact: bool) -> bool:
    """Whether every temporal copy in `arrived` equals the `expected` frame; unless `exact`, values
    may differ by HALF_PRECISION_TOLERANCE levels.
    """
    if expected.shape != arrived.shape[1:]:
        return False
    if exact:
        return {digest_pixels(copy) for copy in arrived} == {digest_pixels(expected)}
    return int(np.abs(arrived.astype(int) - expected).max()) <= HALF_PRECISION_TOLERANCE


def build_black_patch(images: Any) -> torch.Tensor:
    """The normalised values of one patch of a black frame, 1-D."""
    values = [-mean / std for mean, std in zip(images.image_mean, images.image_std, strict=True)]
    values_per_channel = images.temporal_patch_size * images.patch_size**2
    return torch.tensor(values).repeat_interleave(values_per_channel)


def flatten_turn_frames(turns: Sequence[Sequence[Pixels]]) -> list[tuple[int, int, Pixels]]:
    """(turn, frame of the turn, pixels) of all frames, in the order shown."""
    return [(t, f, pixels) for t, turn in enumerate(turns) for f, pixels in enumerate(turn)]
