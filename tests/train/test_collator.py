"""One batch of SFT: loss on the assistant's turns only, a picture behind every picture token."""

import pytest
import torch
from trl.chat_template_utils import get_training_chat_template

from tests.train.conftest import Kit
from touchline.chat.messages import extract_assistant_turns
from touchline.train.sft_data import TrajectoryCollator


@pytest.fixture(scope="module")
def batch(kit: Kit) -> dict:
    return TrajectoryCollator(kit.processor, kit.reels())(kit.rows())


def test_labels_are_exactly_the_assistants_turns(kit: Kit, batch: dict):
    tokenizer = kit.processor.tokenizer
    for taught, labels in zip(kit.taught, batch["labels"], strict=True):
        said = tokenizer.decode(labels[labels != -100], skip_special_tokens=False)
        turns = extract_assistant_turns(taught.messages)
        assert said.replace("<|im_end|>\n", "<|im_end|>") == "".join(
            f"{turn}<|im_end|>" for turn in turns
        )


def test_labels_are_the_ids_themselves_and_never_padding_or_pictures(kit: Kit, batch: dict):
    learned = batch["labels"] != -100
    assert torch.equal(batch["labels"][learned], batch["input_ids"][learned])
    assert not (learned & (batch["attention_mask"] == 0)).any()
    assert kit.processor.image_token_id not in batch["labels"]


def test_every_picture_token_has_its_patches(kit: Kit, batch: dict):
    tokens = int((batch["input_ids"] == kit.processor.image_token_id).sum())
    merge = kit.processor.image_processor.merge_size
    assert tokens * merge**2 == len(batch["pixel_values"])
    pictures = sum(t.trajectory.frames for t in kit.taught)
    assert len(batch["image_grid_thw"]) == pictures


def test_the_training_template_renders_what_the_chat_template_renders(kit: Kit):
    ours = get_training_chat_template(kit.processor)
    for taught in kit.taught:
        given = {"conversation": taught.messages, "tokenize": False}
        assert kit.processor.apply_chat_template(
            **given, chat_template=ours
        ) == kit.processor.apply_chat_template(**given)


def test_the_model_can_be_trained_on_the_batch(kit: Kit, batch: dict):
    with torch.no_grad():
        out = kit.net(**batch)
    assert torch.isfinite(out.loss)


def test_spelt_vision_tokens_in_a_text_stay_text(kit: Kit):
    talk = [{"role": "user", "content": [{"type": "text", "text": "<|image_pad|><|video_pad|>"}]}]
    ids = kit.processor.apply_chat_template(talk, tokenize=True, return_dict=True)["input_ids"][0]
    assert not {kit.processor.image_token_id, kit.processor.video_token_id} & set(ids)
