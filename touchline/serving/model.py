"""Serve a model from a folder: a trained student, a Qwen-VL, or any causal language model."""

import asyncio
import json
from pathlib import Path
from typing import Any

import torch

from touchline.chat.messages import TOOLS, Messages
from touchline.chat.tools.choose_frames import TOOL_NAME
from touchline.model.load import load_model_and_processor, resolve_model_source
from touchline.model.processor import list_vision_token_ids
from touchline.serving.openai_format import (
    build_assistant_message,
    get_finish_reason,
    parse_api_messages,
)
from touchline.serving.server import JsonBody, UnsupportedRequestError

MAX_NEW_TOKENS = 4096  # new tokens, whatever is asked for
DEFAULT_NEW_TOKENS = 512


def load_served_model(folder: Path, batch: int) -> "ServedModel":
    """Load the model of a folder: as a vision model if its config has `vision_config` (or there is
    no local config), else as a text model.
    """
    name, revision = resolve_model_source(folder)
    config_file = Path(name) / "config.json"
    has_vision = not config_file.is_file() or "vision_config" in json.loads(config_file.read_text())
    return (ServedVisionModel if has_vision else ServedTextModel)(folder, name, revision, batch)


class ServedModel:
    """Base of the served models. Waiting requests with equal sampling settings are generated as one
    batch.
    """

    def __init__(self, folder: Path, name: str, revision: str, batch: int) -> None:
        self.name, self.batch = folder.resolve().name, batch
        self.waiting: list[tuple[JsonBody, asyncio.Future[JsonBody]]] = []
        self.is_working = False
        self.model, self.processor = self.load_weights(folder, name, revision)
        self.model.eval()

    def load_weights(self, folder: Path, name: str, revision: str) -> tuple[Any, Any]:
        """(model, processor or tokenizer) of the folder."""
        raise NotImplementedError

    def encode_batch(self, bodies: list[JsonBody]) -> Any:
        """The tokenised, left-padded batch of these requests."""
        raise NotImplementedError

    def build_message(self, text: str, body: JsonBody) -> dict[str, Any]:
        """The generated text as an API message."""
        return build_assistant_message(text, body)

    async def complete_chat(self, body: JsonBody) -> JsonBody:
        """Queue the request and wait for its `message`, `finish_reason` and `usage`. Raises
        `UnsupportedRequestError` if generation fails.
        """
        future = asyncio.get_running_loop().create_future()
        self.waiting.append((body, future))
        if not self.is_working:
            self.is_working = True
            asyncio.get_running_loop().call_soon(
                lambda: asyncio.ensure_future(self._answer_waiting())
            )
        return await future

    async def _answer_waiting(self) -> None:
        while self.waiting:
            same_sampling = [
                entry
                for entry in self.waiting
                if _read_sampling(entry[0]) == _read_sampling(self.waiting[0][0])
            ]
            batch = same_sampling[: self.batch]
            self.waiting = [entry for entry in self.waiting if entry not in batch]
            try:
                replies = await asyncio.to_thread(self._generate, [body for body, _ in batch])
                for (_, future), reply in zip(batch, replies, strict=True):
                    future.set_result(reply)
            except Exception as fault:  # the border to model and input: each request hears of it
                for _, future in batch:
                    future.set_exception(
                        UnsupportedRequestError(f"{type(fault).__name__}: {fault}")
                    )
        self.is_working = False

    @torch.inference_mode()
    def _generate(self, bodies: list[JsonBody]) -> list[JsonBody]:
        batch = self.encode_batch(bodies).to(self.model.device)
        tokens, sampling = _read_sampling(bodies[0])
        if sampling.pop("seed", None) is not None:
            torch.manual_seed(int(bodies[0]["seed"]))
        ids = self.model.generate(
            **batch, max_new_tokens=tokens, **sampling, **self.get_generation_options()
        )
        start = batch["input_ids"].shape[1]
        prompt_tokens = batch["attention_mask"].sum(dim=1).tolist()
        return [
            self._build_reply(row[start:].tolist(), body, n)
            for row, body, n in zip(ids, bodies, prompt_tokens, strict=True)
        ]

    def get_generation_options(self) -> dict[str, Any]:
        """Options of every `generate` call."""
        return {}

    def _build_reply(self, ids: list[int], body: JsonBody, prompt_tokens: int) -> JsonBody:
        ends = self.model.generation_config.eos_token_id
        ends = set(ends if isinstance(ends, list) else [ends])
        end_index = next((i for i, token in enumerate(ids) if token in ends), None)
        tokenizer = getattr(self.processor, "tokenizer", self.processor)
        text = tokenizer.decode(ids[:end_index], skip_special_tokens=False)
        message = self.build_message(text, body)
        new_tokens = len(ids) if end_index is None else end_index + 1
        usage = {
            "prompt_tokens": prompt_tokens,
            "completion_tokens": new_tokens,
            "total_tokens": prompt_tokens + new_tokens,
        }
        return {
            "message": message,
            "finish_reason": get_finish_reason(message, end_index is None),
            "usage": usage,
        }


class ServedVisionModel(ServedModel):
    """A vision-language model of the Qwen families, prompted exactly like the student."""

    def load_weights(self, folder: Path, name: str, revision: str) -> tuple[Any, Any]:
        return load_model_and_processor(
            folder, "float32" if not torch.cuda.is_available() else "bfloat16"
        )

    def get_generation_options(self) -> dict[str, Any]:
        return {"suppress_tokens": list_vision_token_ids(self.processor)}

    def encode_batch(self, bodies: list[JsonBody]) -> Any:
        conversations: list[Messages] = [parse_api_messages(body["messages"]) for body in bodies]
        return self.processor.apply_chat_template(
            conversations,
            tools=TOOLS if _has_frame_tool(bodies[0]) else None,
            add_generation_prompt=True,
            tokenize=True,
            return_dict=True,
            return_tensors="pt",
            processor_kwargs={"padding": True, "padding_side": "left"},
        )


class ServedTextModel(ServedModel):
    """A text-only causal language model with its own chat template."""

    def load_weights(self, folder: Path, name: str, revision: str) -> tuple[Any, Any]:
        from transformers import AutoModelForCausalLM, AutoTokenizer

        tokenizer: Any = AutoTokenizer.from_pretrained(name, revision=revision, padding_side="left")
        tokenizer.pad_token = tokenizer.pad_token or tokenizer.eos_token
        return AutoModelForCausalLM.from_pretrained(name, revision=revision), tokenizer

    def encode_batch(self, bodies: list[JsonBody]) -> Any:
        conversations = [
            [_to_text_message(message) for message in parse_api_messages(body["messages"])]
            for body in bodies
        ]
        return self.processor.apply_chat_template(
            conversations,
            add_generation_prompt=True,
            tokenize=True,
            return_dict=True,
            return_tensors="pt",
            padding=True,
        )


def _to_text_message(message: dict[str, Any]) -> dict[str, str]:
    if any(block["type"] == "image" for block in message["content"]):
        raise UnsupportedRequestError("this model sees no pictures")
    text = "".join(block["text"] for block in message["content"])
    return {"role": message["role"], "content": text}


def _has_frame_tool(body: JsonBody) -> bool:
    """Whether the request offers the frame tool, with the schema that the student was trained on.
    Raises `UnsupportedRequestError` for other tools.
    """
    names = [tool["function"]["name"] for tool in body.get("tools") or ()]
    if set(names) - {TOOL_NAME}:
        raise UnsupportedRequestError(f"the only tool is {TOOL_NAME}")
    return bool(names)


def _read_sampling(body: JsonBody) -> tuple[int, dict[str, Any]]:
    """(maximum new tokens, sampling options of `generate`); requests that differ are not batched
    together.
    """
    token_limit = body.get("max_tokens") or body.get("max_completion_tokens") or DEFAULT_NEW_TOKENS
    temperature = float(body.get("temperature") or 0.0)
    sampling: dict[str, Any] = {"do_sample": temperature > 0}
    if temperature > 0:
        sampling |= {"temperature": temperature, "top_p": float(body.get("top_p") or 1.0)}
        sampling |= {"seed": body["seed"]} if "seed" in body else {}
    return min(int(token_limit), MAX_NEW_TOKENS), sampling
