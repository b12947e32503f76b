"""Training stops when a frame is lost, swapped or ignored on its way, and only then."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from transformers import Qwen2VLImageProcessorPil

from tests.train.conftest import BUDGET, Kit, Taught, scripted
from touchline.chat.messages import extract_assistant_turns
from touchline.errors import InputError
from touchline.model.pixels import (
    build_black_patch,
    digest_pixels,
    image_to_pixels,
    is_same_frame,
    resize_like_processor,
    unpatch_frames,
)
from touchline.train.rl.environment import ClipEnvironment
from touchline.train.rl.vision_proof import (
    VisionProofParams,
    VisionProofStep,
    average_token_sums,
    blacken_frames,
    compare_rollout_frames,
    require_vision_use,
    summarize_vision_proof,
    write_vision_proof_step,
)

SIGHT = VisionProofParams(every=1, rollouts=2, least=0.001)
Tamper = Callable[[dict[str, Any]], dict[str, Any]]


def of_calls(kit: Kit, calls: int) -> Taught:
    return next(t for t in kit.taught if len(t.trajectory.windows) == 2 * calls)


@pytest.fixture(scope="module")
def trainer(kit: Kit, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    taught, folder = of_calls(kit, 1), tmp_path_factory.mktemp("sight")
    made = scripted(kit, kit.net, taught, extract_assistant_turns(taught.messages), folder)
    made.current_gradient_accumulation_steps = 1
    made._sight = SIGHT
    kit.net.train()
    yield made
    kit.net.eval()


@pytest.fixture(scope="module")
def batch(trainer: Any) -> dict[str, Any]:
    return trainer._generate_and_score_completions([dict(trainer.train_dataset[0])] * 2)


def forward(trainer: Any, batch: dict[str, Any]) -> VisionProofStep:
    trainer._proof_step = VisionProofStep(-1, 0, 0, 0, {})
    trainer._compute_loss(trainer.model, dict(batch))
    return trainer._proof_step


def images(kit: Kit) -> Any:
    return kit.processor.image_processor


def test_what_the_tool_returned_is_what_training_was_given(trainer: Any, batch: dict[str, Any]):
    checked = forward(trainer, batch)
    assert (checked.rollouts, checked.frames, checked.unseen) == (
        2,
        len(batch["image_grid_thw"]),
        0,
    )
    assert checked.frames == 2 * sum(map(len, trainer._shown[0]))
    file = trainer._proofs / "step-00000000.json"
    assert json.loads(file.read_text())["frames"] == checked.frames


def test_rollouts_are_known_again_after_trl_has_shuffled_them(trainer: Any, batch: dict[str, Any]):
    shown, trainer._shown = trainer._shown, [trainer._shown[0], [[], []]]
    turned = {"rollout": torch.tensor([1, 0])}
    with pytest.raises(InputError, match="rollout 1: "):
        forward(trainer, batch)
    with pytest.raises(InputError, match="rollout 1: "):
        forward(trainer, {**batch, **turned})
    trainer._shown = shown


def one_level(batch: dict[str, Any]) -> dict[str, Any]:
    """One pixel of the last frame of the first rollout, brighter by 1 of 255."""
    values = batch["pixel_values"].clone()
    rows = sum(batch["image_grid_thw"][: batch["num_images"][0]].prod(-1).tolist())
    values[rows - 1, 0] += 1 / 255 / 0.5
    return {**batch, "pixel_values": values}


def swapped(batch: dict[str, Any]) -> dict[str, Any]:
    """The first two frames in each other's place."""
    values, rows = batch["pixel_values"].clone(), int(batch["image_grid_thw"][0].prod())
    values[:rows], values[rows : 2 * rows] = values[rows : 2 * rows], batch["pixel_values"][:rows]
    values[0] += 1 / 255 / 0.5  # these two may show the same
    return {**batch, "pixel_values": values}


def dropped(batch: dict[str, Any]) -> dict[str, Any]:
    """As TRL does when its own count is off."""
    lost = ("pixel_values", "image_grid_thw", "num_images")
    return {name: value for name, value in batch.items() if name not in lost}


@pytest.mark.parametrize(
    ("tamper", "says"),
    [
        (
            one_level,
            r"step 0: training does not see: rollout 0: turn 1, frame \d: the tool returned",
        ),
        (
            swapped,
            r"rollout 0: turn 0, frame 0: the tool returned \w{32}, training was given \w{32}",
        ),
        (dropped, r"rollout 0: \d+ picture tokens, but patches for 0"),
    ],
)
def test_a_frame_that_was_changed_swapped_or_lost_stops_training(
    trainer: Any, batch: dict[str, Any], tamper: Tamper, says: str
):
    with pytest.raises(InputError, match=says):
        forward(trainer, tamper(batch))


def test_a_missing_picture_token_stops_training(trainer: Any, batch: dict[str, Any], kit: Kit):
    pad = kit.processor.image_token_id
    ids = torch.cat([batch["prompt_ids"], batch["completion_ids"]], 1)
    pads = (ids == pad).sum(1).tolist()
    given = {name: batch[name] for name in ("pixel_values", "image_grid_thw", "num_images")}
    fine = compare_rollout_frames([0, 1], trainer._shown, pads, given, images(kit))
    assert fine.faults == ()
    less = compare_rollout_frames(
        [0, 1], trainer._shown, [pads[0] - 1, pads[1]], given, images(kit)
    )
    assert less.faults == (f"rollout 0: {pads[0] - 1} picture tokens, but patches for {pads[0]}",)


def test_a_reply_that_did_not_fit_is_unseen_and_half_a_reply_is_a_fault(
    trainer: Any, batch: dict[str, Any], kit: Kit
):
    ids = torch.cat([batch["prompt_ids"], batch["completion_ids"]], 1)
    pads = (ids == kit.processor.image_token_id).sum(1).tolist()
    given = {name: batch[name] for name in ("pixel_values", "image_grid_thw", "num_images")}
    shown = trainer._shown[0]
    more = [[*shown, shown[-1]], trainer._shown[1]]
    assert compare_rollout_frames([0, 1], more, pads, given, images(kit)).unseen == len(shown[-1])
    half = [[shown[0], [*shown[1], shown[1][0]]], trainer._shown[1]]
    (fault,) = compare_rollout_frames([0, 1], half, pads, given, images(kit)).faults
    assert fault == f"rollout 0: turn 1, frame {len(shown[1])} and what follows never came"


@contextmanager
def cut_off(net: Any) -> Iterator[None]:
    """A model whose vision tower says nothing, whatever it is shown."""

    def silence(module: Any, args: Any, out: Any) -> Any:
        return out.__class__(**{name: _nothing(value) for name, value in out.items()})

    hook = net.model.visual.register_forward_hook(silence)
    yield
    hook.remove()


def _nothing(value: Any) -> Any:
    return value * 0 if isinstance(value, torch.Tensor) else [one * 0 for one in value]


def test_a_seeing_model_passes_and_a_blind_one_is_stopped(trainer: Any, batch: dict[str, Any]):
    used = forward(trainer, batch).used
    assert used["vision_used"] > 10 * SIGHT.least
    assert used["vision_used/tool"] > SIGHT.least
    with cut_off(trainer.model), pytest.raises(InputError) as stopped:
        forward(trainer, batch)
    assert "with all frames blanked the log-probability" in str(stopped.value)
    assert "rl.sight.least" in stopped.value.remedy


def test_a_model_that_ignores_only_the_frames_it_asked_for_is_stopped():
    found = {"vision_used": 0.2, "vision_used/tool": 1e-5}
    with pytest.raises(InputError, match="with the frames that it asked for blanked"):
        require_vision_use(4, found, SIGHT)
    require_vision_use(4, {"vision_used": 0.2}, SIGHT)  # nobody asked


def test_the_question_what_if_leaves_weights_modes_and_random_numbers_alone(
    trainer: Any, batch: dict[str, Any]
):
    before = {name: value.clone() for name, value in trainer.model.state_dict().items()}
    state = torch.get_rng_state()
    forward(trainer, batch)
    assert torch.equal(torch.get_rng_state(), state)
    assert trainer.model.training
    now = trainer.model.state_dict()
    assert all(torch.equal(now[name], value) for name, value in before.items())


def test_the_kl_from_the_start_is_zero_until_the_weights_move(trainer: Any, batch: dict[str, Any]):
    assert forward(trainer, batch).used["kl"] == 0
    patches = next(iter(trainer.model.model.visual.parameters()))
    was = patches.detach().clone()
    with torch.no_grad():
        patches.mul_(2)
    assert forward(trainer, batch).used["kl"] > 0
    with torch.no_grad():
        patches.copy_(was)


def test_blanked_frames_are_those_that_a_black_picture_gives(
    trainer: Any, batch: dict[str, Any], kit: Kit
):
    dark = images(kit)(images=[Image.new("RGB", (64, 32))], return_tensors="pt")["pixel_values"]
    torch.testing.assert_close(build_black_patch(images(kit)), dark[0])
    first = len(trainer._shown[0][0])
    later = blacken_frames(batch, [first, batch["num_images"][1]], images(kit))
    rows = [int(n) for n in batch["image_grid_thw"].prod(-1)]
    spared, own = sum(rows[:first]), sum(rows[: batch["num_images"][0]])
    assert torch.equal(later["pixel_values"][:spared], batch["pixel_values"][:spared])
    assert (later["pixel_values"][spared:own] == build_black_patch(images(kit))).all()
    assert torch.equal(later["pixel_values"][own:], batch["pixel_values"][own:])


@pytest.mark.parametrize("patch", [14, 16])
@pytest.mark.parametrize("size", [(64, 32), (70, 37), (640, 360), (20, 20)])
def test_pixels_come_back_out_of_the_patches(patch: int, size: tuple[int, int]):
    processor = Qwen2VLImageProcessorPil(
        patch_size=patch, merge_size=2, min_pixels=1024, max_pixels=2**17
    )
    noise = np.random.default_rng(1).integers(0, 256, (3, size[1], size[0], 3), dtype=np.uint8)
    made = processor(images=[Image.fromarray(one) for one in noise], return_tensors="pt")
    out = unpatch_frames(made["pixel_values"], made["image_grid_thw"], processor)
    expected = [resize_like_processor(one, processor) for one in noise]
    assert all(is_same_frame(a, b, exact=True) for a, b in zip(expected, out, strict=True))
    assert not is_same_frame(expected[0], out[1], exact=True)
    half = unpatch_frames(made["pixel_values"].bfloat16(), made["image_grid_thw"], processor)
    assert all(is_same_frame(a, b, exact=False) for a, b in zip(expected, half, strict=True))
    assert not is_same_frame(expected[0], half[1], exact=False)


def test_a_digest_names_size_and_pixels():
    flat = np.zeros((4, 8, 3), np.uint8)
    assert digest_pixels(flat) == digest_pixels(flat.copy()) != digest_pixels(flat.reshape(8, 4, 3))
    assert digest_pixels(flat) != digest_pixels(flat + 1)


def test_what_a_tool_returned_is_kept_even_if_someone_paints_over_the_picture(kit: Kit):
    taught = of_calls(kit, 1)
    clips = ClipEnvironment({taught.question.id: taught.question}, kit.reels(), BUDGET)
    clips.reset(taught.question.id)
    blocks = clips.choose_frames("0:00", "0:20")
    picture = next(b["image"] for b in blocks if b["type"] == "image")
    before = digest_pixels(image_to_pixels(picture))
    picture.paste((1, 2, 3), (0, 0, 64, 32))
    assert digest_pixels(clips._shown[1][0]) == before != digest_pixels(image_to_pixels(picture))


def test_processes_are_weighed_by_their_tokens():
    ours, theirs = (
        {"vision_used": (3.0, 10)},
        {"vision_used": (1.0, 30), "vision_used/tool": (0, 0)},
    )
    assert average_token_sums([ours, theirs, {}]) == {"vision_used": 0.1}


def test_sight_is_proved_by_every_step_and_a_counterfactual(tmp_path: Path):
    used = {"vision_used": 0.1}
    for step in range(3):
        write_vision_proof_step(
            tmp_path, VisionProofStep(step, 4, 40, 1, used if step == 0 else {})
        )
    found = summarize_vision_proof(tmp_path, 3, SIGHT)
    assert found["proved"]
    assert (found["steps"], found["rollouts"], found["frames"], found["unseen"]) == (3, 12, 120, 3)
    assert found["checks"] == [{"step": 0, "vision_used": 0.1}]
    assert not summarize_vision_proof(tmp_path, 4, SIGHT)["proved"]  # one step is missing
    assert not summarize_vision_proof(tmp_path / "none", 0, SIGHT)["proved"]
    write_vision_proof_step(tmp_path, VisionProofStep(0, 4, 40, 1, {}))
    assert not summarize_vision_proof(tmp_path, 3, SIGHT)["proved"]
