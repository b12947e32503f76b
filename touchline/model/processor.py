"""One image-only processor for the Qwen2-VL, Qwen2.5-VL and Qwen3-VL families, without
torchvision.
"""

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

PLACEHOLDER_TOKENS = {
    "image": "<|image_pad|>",
    "video": "<|video_pad|>",
    "vision_start": "<|vision_start|>",
    "vision_end": "<|vision_end|>",
}
VISION_TOKENS = [*PLACEHOLDER_TOKENS.values(), "<|vision_pad|>"]
VISION_TOKEN_TEXT = re.compile(r"<\|((image|video|vision)_(pad|start|end)\|>)")


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
        for name, token in PLACEHOLDER_TOKENS.items():
            setattr(self, f"{name}_token", token)
            setattr(self, f"{name}_token_id", tokenizer.convert_tokens_to_ids(token))
        ProcessorMixin.__init__(self, image_processor, tokenizer, chat_template=chat_template)

    def apply_chat_template(self, conversation: Any, *args: Any, **kwargs: Any) -> Any:
        """As the parent's, but no text in the conversation can pass for a picture."""
        return super().apply_chat_template(escape_vision_tokens(conversation), *args, **kwargs)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """As the parent's, but patches are always tensors: the PIL backend may return lists."""
        out = super().__call__(*args, **kwargs)
        for key in ("pixel_values", "image_grid_thw"):
            if key in out and not isinstance(out[key], torch.Tensor):
                out[key] = torch.as_tensor(np.asarray(out[key]))
        return out


def register_frames_processor() -> None:
    """Make `AutoProcessor` return `FramesProcessor` for the three families; call it before loading
    a model.
    """
    for config in (Qwen2VLConfig, Qwen2_5_VLConfig, Qwen3VLConfig):
        AutoProcessor.register(config, FramesProcessor, exist_ok=True)


def load_processor(model: str | Path, revision: str = "main") -> FramesProcessor:
    """The processor of a checkpoint folder or hub name, with the one template all families share.

    Qwen2-VL and Qwen2.5-VL ship templates without tools, which TRL refuses; their special tokens
    are those of Qwen3-VL, whose template therefore serves all three.
    """
    register_frames_processor()
    tokenizer = AutoTokenizer.from_pretrained(model, revision=revision)
    images = Qwen2VLImageProcessorPil.from_pretrained(model, revision=revision)
    return configure_processor(FramesProcessor(image_processor=images, tokenizer=tokenizer))


def configure_processor(processor: FramesProcessor) -> FramesProcessor:
    """Set the shared chat template, TRL's response template, left padding and a turn parser that
    survives deep nesting on a processor; returns it.
    """
    processor.chat_template = qwen3_vl_chat_template
    processor.tokenizer.chat_template = qwen3_vl_chat_template
    processor.tokenizer.response_template = qwen3_template
    processor.tokenizer.parse_response = _tolerate_deep_nesting(processor.tokenizer.parse_response)
    processor.tokenizer.padding_side = "left"
    return processor


def _tolerate_deep_nesting(parse: Callable[..., Any]) -> Callable[..., Any]:
    """TRL takes a turn as plain text on a ValueError; brackets nested too deep raise another."""

    def parse_response(*args: Any, **kwargs: Any) -> Any:
        try:  # the border to model output
            return parse(*args, **kwargs)
        except RecursionError as error:
            raise ValueError("nested too deep to be a call") from error

    return parse_response


def list_vision_token_ids(processor: FramesProcessor) -> list[int]:
    """Token ids that the model must never generate: an image token without an image
    breaks M-RoPE.
    """
    ids = [processor.tokenizer.convert_tokens_to_ids(name) for name in VISION_TOKENS]
    return sorted({i for i in ids if i is not None and i != processor.tokenizer.unk_token_id})


def escape_vision_tokens(conversation: Any) -> Any:
    """Copy of a conversation in which the names of vision tokens in text are broken up.

    A model or a transcript can spell such a name letter by letter; tokenised again it would be an
    image token without an image, and crash.
    """
    if isinstance(conversation, str):
        return VISION_TOKEN_TEXT.sub(r"<| \1", conversation)
    if isinstance(conversation, list):
        return [escape_vision_tokens(part) for part in conversation]
    if isinstance(conversation, dict):
        return {key: escape_vision_tokens(part) for key, part in conversation.items()}
    return conversation
