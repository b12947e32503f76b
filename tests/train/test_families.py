"""The same code takes the three Qwen vision-language families."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import (
    Qwen2_5_VLConfig,
    Qwen2_5_VLForConditionalGeneration,
    Qwen2VLConfig,
    Qwen2VLForConditionalGeneration,
    Qwen2VLImageProcessorPil,
)

from tests.stages.training import world
from tests.train.conftest import BUDGET, Kit, scripted
from touchline.chat.messages import extract_assistant_turns
from touchline.model.generate import ConversationGenerator
from touchline.model.load import load_model_and_processor
from touchline.model.processor import FramesProcessor, configure_processor
from touchline.tasks.trajectory import build_trajectory
from touchline.train.sft_data import TrajectoryCollator

PATCH = 14  # pixels, in both older families


def text_part(processor: FramesProcessor) -> dict[str, Any]:
    return {
        "vocab_size": len(processor.tokenizer),
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "num_key_value_heads": 1,
        "max_position_embeddings": 4096,
        "tie_word_embeddings": True,
        "rope_parameters": {"rope_type": "default", "rope_theta": 1e4, "mrope_section": [4, 2, 2]},
        "pad_token_id": processor.tokenizer.pad_token_id,
        "eos_token_id": processor.tokenizer.eos_token_id,
        "bos_token_id": None,
    }


def tokens(processor: FramesProcessor) -> dict[str, int]:
    names = ("image", "video", "vision_start", "vision_end")
    return {f"{name}_token_id": getattr(processor, f"{name}_token_id") for name in names}


def qwen2(processor: FramesProcessor) -> Any:
    vision = {"depth": 1, "embed_dim": 32, "hidden_size": 32, "num_heads": 2, "mlp_ratio": 2}
    given = {"text_config": text_part(processor), "vision_config": vision} | tokens(processor)
    return Qwen2VLForConditionalGeneration(Qwen2VLConfig(**given, tie_word_embeddings=True))


def qwen2_5(processor: FramesProcessor) -> Any:
    vision = {
        "depth": 2, "hidden_size": 32, "intermediate_size": 64, "num_heads": 2,
        "out_hidden_size": 32, "window_size": 56, "fullatt_block_indexes": [1],
    }  # fmt: skip
    given = {"text_config": text_part(processor), "vision_config": vision} | tokens(processor)
    return Qwen2_5_VLForConditionalGeneration(Qwen2_5_VLConfig(**given, tie_word_embeddings=True))


FAMILIES: dict[str, Callable[[FramesProcessor], Any]] = {"Qwen2-VL": qwen2, "Qwen2.5-VL": qwen2_5}


@pytest.fixture(scope="module", params=FAMILIES)
def family(request: pytest.FixtureRequest, kit: Kit, tmp_path_factory: Any) -> Kit:
    """A small random model of the family, with its own patch size and a template of its own."""
    folder: Path = tmp_path_factory.mktemp("family")
    pixels = 4 * PATCH**2
    images = Qwen2VLImageProcessorPil(
        patch_size=PATCH, merge_size=2, min_pixels=pixels, max_pixels=2**20
    )
    processor = configure_processor(
        FramesProcessor(image_processor=images, tokenizer=kit.processor.tokenizer)
    )
    torch.manual_seed(1)
    FAMILIES[request.param](processor).save_pretrained(folder)
    processor.save_pretrained(folder)
    (folder / "chat_template.jinja").write_text("{{ 'a template without tools' }}")
    net, processor = load_model_and_processor(folder, "float32")
    return replace(kit, folder=folder, net=net.eval(), processor=processor)


def test_a_family_can_be_trained_on_our_batches(family: Kit):
    batch = TrajectoryCollator(family.processor, family.reels())(family.rows())
    out = family.net(**batch)
    assert torch.isfinite(out.loss)
    out.loss.backward()
    seen = [p.grad for p in family.net.model.visual.parameters() if p.grad is not None]
    assert any(grad.abs().sum() > 0 for grad in seen)
    family.net.zero_grad()


def test_pictures_change_what_a_family_says(family: Kit):
    batch = TrajectoryCollator(family.processor, family.reels())(family.rows()[:1])
    with torch.no_grad():
        seen = family.net(**batch).logits
        blind = family.net(**batch | {"pixel_values": batch["pixel_values"] * 0}).logits
    assert not torch.allclose(seen, blind)


def test_a_family_attempts_questions_with_the_tool(family: Kit):
    player = ConversationGenerator(family.net, family.processor, BUDGET, turn_tokens=8, batch=3)
    games = [(taught.question, taught.reel) for taught in family.taught[:4]]
    for attempt in player.generate_conversations(games):
        assert (
            build_trajectory("base", attempt.question, attempt.messages, attempt.viewing).frames
            >= 8
        )


def test_rl_builds_the_token_ids_of_sft_in_every_family(family: Kit, tmp_path: Path):
    taught = next(t for t in family.taught if len(t.trajectory.windows) == 2)
    turns = extract_assistant_turns(taught.messages)
    trainer = scripted(family, family.net, taught, turns, tmp_path)
    made = trainer._generate_and_score_completions([dict(trainer.train_dataset[0])] * 2)
    built = trainer.prompts[0] + made["completion_ids"][0][made["completion_mask"][0] == 1].tolist()
    row = {"messages": taught.trajectory.messages, "clip": taught.question.clip}
    batch = TrajectoryCollator(family.processor, family.reels())([row])
    newline = family.processor.tokenizer("\n")["input_ids"]
    assert built + newline == batch["input_ids"][0].tolist()
    loss = trainer._compute_loss(family.net, made)
    assert torch.isfinite(loss)


@pytest.mark.slow
def test_a_family_goes_through_sft_and_rl(
    family: Kit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("TOUCHLINE_CHECKPOINTS", str(tmp_path / "checkpoints"))
    here, student = world(tmp_path, family.taught), {"model": str(family.folder)}
    lora = {"kind": "lora", "rank": 4, "alpha": 8, "dropout": 0.0}
    assert here.sft(here.sft_params(1, lora), student=student)["steps"] == 1
    assert here.rl(1, **student)["steps"] == 1
    net, processor = load_model_and_processor(tmp_path / "rl", "float32")
    assert type(net) is type(family.net)
    assert isinstance(processor, FramesProcessor)
    assert processor.image_processor.patch_size == PATCH
