"""The tiny student is a plain Hugging Face folder whose tokenizer takes our phrases whole."""

from pathlib import Path

import torch
from transformers import AutoModelForImageTextToText, AutoProcessor

from tests.train.conftest import Kit, student
from touchline.model.processor import FramesProcessor
from touchline.model.tiny import MARKUP_TOKENS, SPECIAL_TOKENS, build_tiny_model
from touchline.model.tiny_vocabulary import list_vocabulary_phrases
from touchline.sports import SPORTS


def test_the_folder_loads_by_the_standard_names(kit: Kit):
    net = AutoModelForImageTextToText.from_pretrained(kit.folder)
    processor = AutoProcessor.from_pretrained(kit.folder)
    assert isinstance(processor, FramesProcessor)
    assert processor.chat_template == kit.processor.chat_template
    assert (kit.folder / "model.safetensors").is_file()
    assert not list(kit.folder.glob("*.bin"))
    assert 1e6 < sum(p.numel() for p in net.parameters()) < 3e6


def test_each_phrase_is_one_token_and_reads_back(kit: Kit):
    tokenizer = kit.processor.tokenizer
    for phrase in [*list_vocabulary_phrases(SPORTS), *MARKUP_TOKENS, *SPECIAL_TOKENS]:
        ids = tokenizer(phrase)["input_ids"]
        assert len(ids) == 1, phrase
        assert tokenizer.decode(ids, skip_special_tokens=False) == phrase


def test_marks_survive_the_skipping_of_special_tokens(kit: Kit):
    tokenizer = kit.processor.tokenizer
    for mark in MARKUP_TOKENS:
        assert tokenizer.decode(tokenizer(mark)["input_ids"], skip_special_tokens=True) == mark


def test_every_text_reads_back(kit: Kit):
    tokenizer = kit.processor.tokenizer
    texts = {b["text"] for t in kit.taught for m in t.messages for b in m["content"] if "text" in b}
    for text in [*sorted(texts), "Ça — 試合 ⚽ \x00 \t  two  spaces"]:
        assert tokenizer.decode(tokenizer(text)["input_ids"], skip_special_tokens=False) == text


def test_no_token_of_the_tokenizer_lies_outside_the_embedding(kit: Kit):
    assert len(kit.processor.tokenizer) == kit.net.config.text_config.vocab_size


def test_equal_inputs_build_equal_bytes(kit: Kit, tmp_path: Path):
    for name in ("one", "two"):
        build_tiny_model(
            student().tiny,
            ["A foul occurs", "No corner"],
            list_vocabulary_phrases(SPORTS),
            tmp_path / name,
        )
    for file in sorted((tmp_path / "one").iterdir()):
        assert file.read_bytes() == (tmp_path / "two" / file.name).read_bytes(), file.name


def test_the_seed_decides_the_weights(kit: Kit, tmp_path: Path):
    build_tiny_model(
        student().tiny.model_copy(update={"seed": 99}),
        ["A foul"],
        list_vocabulary_phrases(SPORTS),
        tmp_path / "b",
    )
    other = AutoModelForImageTextToText.from_pretrained(tmp_path / "b")
    ours, theirs = (net.model.visual.patch_embed.proj.weight for net in (kit.net, other))
    assert not torch.equal(ours, theirs)
