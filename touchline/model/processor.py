"""One image-only processor for the Qwen vision-language families, which needs no torchvision."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import (
    AutoProcessor,
    AutoTokenizer,
    Qwen2_5_VLConfig,
    Qwen2VLConfig,
    Qwen2VLImageProcessorPil,
    Qwen3VLConfig,
    Qwen3VLProcessor,
)
from transformers.processing_utils import ProcessorMixin
from trl.chat_template_utils import qwen3_template, qwen3_vl_chat_template

TOKENS = {
    "image": "<|image_pad|>",
    "video": "<|video_pad|>",
    "vision_start": "<|vision_start|>",
    "vision_end": "<|vision_end|>",
}
VISION = [*TOKENS.values(), "<|vision_pad|>"]
SPELT = re.compile(r"<\|((image|video|vision)_(pad|start|end)\|>)")


class FramesProcessor(Qwen3VLProcessor):
    """Text and frames in, token ids and patches out; a video is a list of frames.

    The stock processors build a video processor that imports torchvision, which has no CPU wheel
    for every torch. All families expand an image to (patches / merge^2) pad tokens alike.
    """

    def __init__(
        self,
        image_processor: Any = None,
        tokenizer: Any = None,
        chat_template: str | None = None,
        **kwargs: Any,
    ) -> None:
        for name, token in TOKENS.items():
            setattr(self, f"{name}_token", token)
            setattr(self, f"{name}_token_id", tokenizer.convert_tokens_to_ids(token))
        ProcessorMixin.__init__(self, image_processor, tokenizer, chat_template=chat_template)

    def apply_chat_template(self, conversation: Any, *args: Any, **kwargs: Any) -> Any:
        """As the parent's, but no text in the conversation can pass for a picture."""
        return super().apply_chat_template(harmless(conversation), *args, **kwargs)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """As the parent's, but patches are always tensors: the PIL backend may return lists."""
        out = super().__call__(*args, **kwargs)
        for key in ("pixel_values", "image_grid_thw"):
            if key in out and not isinstance(out[key], torch.Tensor):
                out[key] = torch.as_tensor(np.asarray(out[key]))
        return out


def register() -> None:
    """Let `AutoProcessor` build ours for the three families; called by whoever loads a model."""
    for config in (Qwen2VLConfig, Qwen2_5_VLConfig, Qwen3VLConfig):
        AutoProcessor.register(config, FramesProcessor, exist_ok=True)


def load_processor(model: str | Path, revision: str = "main") -> FramesProcessor:
    """The processor of a checkpoint folder or hub name, with the one template all families share.

    Qwen2-VL and Qwen2.5-VL ship templates without tools, which TRL refuses; their special tokens
    are those of Qwen3-VL, whose template therefore serves all three.
    """
    register()
    tokenizer = AutoTokenizer.from_pretrained(model, revision=revision)
    images = Qwen2VLImageProcessorPil.from_pretrained(model, revision=revision)
    return dressed(FramesProcessor(image_processor=images, tokenizer=tokenizer))


def dressed(processor: FramesProcessor) -> FramesProcessor:
    """Give a processor the shared chat template and the rule by which TRL reads turns."""
    processor.chat_template = qwen3_vl_chat_template
    processor.tokenizer.chat_template = qwen3_vl_chat_template
    processor.tokenizer.response_template = qwen3_template
    processor.tokenizer.parse_response = _unfazed(processor.tokenizer.parse_response)
    processor.tokenizer.padding_side = "left"
    return processor


def _unfazed(parse: Callable[..., Any]) -> Callable[..., Any]:
    """TRL takes a turn as plain text on a ValueError; brackets nested too deep raise another."""

    def parse_response(*args: Any, **kwargs: Any) -> Any:
        try:  # the border to model output
            return parse(*args, **kwargs)
        except RecursionError as error:
            raise ValueError("nested too deep to be a call") from error

    return parse_response


def vision_tokens(processor: FramesProcessor) -> list[int]:
    """Ids a model must never write: a sampled one has no picture behind it and breaks M-RoPE."""
    ids = [processor.tokenizer.convert_tokens_to_ids(name) for name in VISION]
    return sorted({i for i in ids if i is not None and i != processor.tokenizer.unk_token_id})


def harmless(talk: Any) -> Any:
    """A conversation with the names of vision tokens broken up wherever they stand in text.

    A model, or a transcript, can spell such a name letter by letter; read again as a token it has
    no picture behind it, which ends in a crash.
    """
    if isinstance(talk, str):
        return SPELT.sub(r"<| \1", talk)
    if isinstance(talk, list):
        return [harmless(part) for part in talk]
    if isinstance(talk, dict):
        return {key: harmless(part) for key, part in talk.items()}
    return talk
