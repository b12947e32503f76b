"""Build the tiny student: a Qwen3-VL with 1-2 million parameters and its own tokenizer."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import (
    Qwen2Tokenizer,
    Qwen2VLImageProcessorPil,
    Qwen3VLConfig,
    Qwen3VLForConditionalGeneration,
)

from touchline.model.params import TinyParams
from touchline.model.processor import FramesProcessor, configure_processor
from touchline.model.tiny_init import init_copying_heads

SPECIAL_TOKENS = [
    "<|endoftext|>",
    "<|im_start|>",
    "<|im_end|>",
    "<|vision_start|>",
    "<|vision_end|>",
    "<|vision_pad|>",
    "<|image_pad|>",
    "<|video_pad|>",
]
MARKUP_TOKENS = [
    "<tool_call>",
    "</tool_call>",
    "<think>",
    "</think>",
    "<tool_response>",
    "</tool_response>",
]


def build_tiny_model(
    tiny: TinyParams, texts: Iterable[str], phrases: Iterable[str], folder: Path
) -> None:
    """Write config, weights (safetensors), tokenizer and processor as a Hugging Face folder."""
    processor = _build_processor(_train_tokenizer(tiny, texts, phrases))
    torch.manual_seed(tiny.seed)
    model = Qwen3VLForConditionalGeneration(_build_config(tiny, processor))
    init_copying_heads(model, tiny.seed)
    model.generation_config.eos_token_id = processor.tokenizer.eos_token_id
    model.generation_config.pad_token_id = processor.tokenizer.pad_token_id
    model.save_pretrained(folder)
    processor.save_pretrained(folder)


def _train_tokenizer(
    tiny: TinyParams, texts: Iterable[str], phrases: Iterable[str]
) -> Qwen2Tokenizer:
    """Byte-level BPE over the texts; each phrase becomes one token, so sequences stay short."""
    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=tiny.vocabulary, initial_alphabet=sorted(alphabet), show_progress=False
    )
    bpe.train_from_iterator(texts, trainer)
    model = json.loads(bpe.to_str())["model"]
    merges: Any = [tuple(merge) for merge in model["merges"]]
    absent: Any = None
    tokenizer = Qwen2Tokenizer(vocab=model["vocab"], merges=merges, unk_token=absent)
    tokenizer.add_special_tokens({"additional_special_tokens": SPECIAL_TOKENS})
    whole: list[Any] = [
        AddedToken(t, special=False, normalized=False) for t in [*MARKUP_TOKENS, *phrases]
    ]
    tokenizer.add_tokens(whole)
    tokenizer.eos_token, tokenizer.pad_token = "<|im_end|>", "<|endoftext|>"
    return tokenizer


def _build_processor(tokenizer: Qwen2Tokenizer) -> FramesProcessor:
    images = Qwen2VLImageProcessorPil(
        patch_size=16, merge_size=2, min_pixels=1024, max_pixels=2**20
    )
    return configure_processor(FramesProcessor(image_processor=images, tokenizer=tokenizer))


def _build_config(tiny: TinyParams, processor: FramesProcessor) -> Qwen3VLConfig:
    tokenizer = processor.tokenizer
    head = tiny.hidden // tiny.heads
    temporal_pairs = head // 2 - 2 * (head // 8)
    return Qwen3VLConfig(
        text_config={
            "vocab_size": len(tokenizer),
            "hidden_size": tiny.hidden,
            "intermediate_size": tiny.feed_forward,
            "num_hidden_layers": tiny.layers,
            "num_attention_heads": tiny.heads,
            "num_key_value_heads": tiny.kv_heads,
            "head_dim": head,
            "max_position_embeddings": 4096,
            "tie_word_embeddings": True,
            "rope_parameters": {
                "rope_type": "default",
                "rope_theta": 10000.0,
                "mrope_section": [temporal_pairs, head // 8, head // 8],
                "mrope_interleaved": True,
            },
            "pad_token_id": tokenizer.pad_token_id,
            "eos_token_id": tokenizer.eos_token_id,
            "bos_token_id": None,
        },
        vision_config={
            "depth": tiny.vision_layers,
            "hidden_size": tiny.vision_hidden,
            "intermediate_size": tiny.vision_hidden * 2,
            "num_heads": tiny.vision_heads,
            "patch_size": 16,
            "spatial_merge_size": 2,
            "temporal_patch_size": 2,
            "out_hidden_size": tiny.hidden,
            "num_position_embeddings": 64,
            "deepstack_visual_indexes": [0],
        },
        image_token_id=processor.image_token_id,
        video_token_id=processor.video_token_id,
        vision_start_token_id=processor.vision_start_token_id,
        vision_end_token_id=processor.vision_end_token_id,
        tie_word_embeddings=True,
        dtype="float32",
    )
