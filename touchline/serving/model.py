"""A model of a folder behind the API: a student, a Qwen-VL, or any causal language model."""

import asyncio
import json
from pathlib import Path
from typing import Any

import torch

from touchline.chat.messages import TOOLS, Messages
from touchline.chat.tools.choose_frames import TOOL_NAME
from touchline.model.load import load_model_and_processor, resolve_model_source
from touchline.model.processor import list_vision_token_ids
from touchline.serving.openai_format import finish, ours, theirs
from touchline.serving.server import Body, Unfit

MOST = 4096  # new tokens, whatever is asked for
USUAL = 512


def opened(folder: Path, batch: int) -> "Model":
    """The model of a folder, by what its config says it is."""
    name, revision = resolve_model_source(folder)
    known = Path(name) / "config.json"
    sees = not known.is_file() or "vision_config" in json.loads(known.read_text())
    return (Seeing if sees else Reading)(folder, name, revision, batch)


class Model:
    """Requests that wait together and are sampled alike are answered together."""

    def __init__(self, folder: Path, name: str, revision: str, batch: int) -> None:
        self.name, self.batch = folder.resolve().name, batch
        self.waiting: list[tuple[Body, asyncio.Future[Body]]] = []
        self.working = False
        self.model, self.processor = self.loaded(folder, name, revision)
        self.model.eval()

    def loaded(self, folder: Path, name: str, revision: str) -> tuple[Any, Any]:
        raise NotImplementedError

    def encoded(self, bodies: list[Body]) -> Any:
        raise NotImplementedError

    def turned(self, text: str, body: Body) -> dict[str, Any]:
        return theirs(text, body)

    async def answer(self, body: Body) -> Body:
        future = asyncio.get_running_loop().create_future()
        self.waiting.append((body, future))
        if not self.working:
            self.working = True
            asyncio.get_running_loop().call_soon(lambda: asyncio.ensure_future(self._work()))
        return await future

    async def _work(self) -> None:
        while self.waiting:
            alike = [one for one in self.waiting if _how(one[0]) == _how(self.waiting[0][0])]
            taken = alike[: self.batch]
            self.waiting = [one for one in self.waiting if one not in taken]
            try:
                replies = await asyncio.to_thread(self._generate, [body for body, _ in taken])
                for (_, future), reply in zip(taken, replies, strict=True):
                    future.set_result(reply)
            except Exception as fault:  # the border to model and input: each request hears of it
                for _, future in taken:
                    future.set_exception(Unfit(f"{type(fault).__name__}: {fault}"))
        self.working = False

    @torch.inference_mode()
    def _generate(self, bodies: list[Body]) -> list[Body]:
        batch = self.encoded(bodies).to(self.model.device)
        tokens, sampling = _how(bodies[0])
        if sampling.pop("seed", None) is not None:
            torch.manual_seed(int(bodies[0]["seed"]))
        ids = self.model.generate(**batch, max_new_tokens=tokens, **sampling, **self.kept())
        start = batch["input_ids"].shape[1]
        seen = batch["attention_mask"].sum(dim=1).tolist()
        return [
            self._reply(row[start:].tolist(), body, n)
            for row, body, n in zip(ids, bodies, seen, strict=True)
        ]

    def kept(self) -> dict[str, Any]:
        """Options of every generation."""
        return {}

    def _reply(self, ids: list[int], body: Body, seen: int) -> Body:
        ends = self.model.generation_config.eos_token_id
        ends = set(ends if isinstance(ends, list) else [ends])
        place = next((i for i, token in enumerate(ids) if token in ends), None)
        tokenizer = getattr(self.processor, "tokenizer", self.processor)
        text = tokenizer.decode(ids[:place], skip_special_tokens=False)
        message = self.turned(text, body)
        wrote = len(ids) if place is None else place + 1
        usage = {"prompt_tokens": seen, "completion_tokens": wrote, "total_tokens": seen + wrote}
        return {"message": message, "finish_reason": finish(message, place is None), "usage": usage}


class Seeing(Model):
    """A vision-language model of the Qwen families, given what the student is given."""

    def loaded(self, folder: Path, name: str, revision: str) -> tuple[Any, Any]:
        return load_model_and_processor(
            folder, "float32" if not torch.cuda.is_available() else "bfloat16"
        )

    def kept(self) -> dict[str, Any]:
        return {"suppress_tokens": list_vision_token_ids(self.processor)}

    def encoded(self, bodies: list[Body]) -> Any:
        talks: list[Messages] = [ours(body["messages"]) for body in bodies]
        return self.processor.apply_chat_template(
            talks,
            tools=TOOLS if _tool(bodies[0]) else None,
            add_generation_prompt=True,
            tokenize=True,
            return_dict=True,
            return_tensors="pt",
            processor_kwargs={"padding": True, "padding_side": "left"},
        )


class Reading(Model):
    """A causal language model: words in, words out, by its own chat template."""

    def loaded(self, folder: Path, name: str, revision: str) -> tuple[Any, Any]:
        from transformers import AutoModelForCausalLM, AutoTokenizer

        tokenizer: Any = AutoTokenizer.from_pretrained(name, revision=revision, padding_side="left")
        tokenizer.pad_token = tokenizer.pad_token or tokenizer.eos_token
        return AutoModelForCausalLM.from_pretrained(name, revision=revision), tokenizer

    def encoded(self, bodies: list[Body]) -> Any:
        talks = [[_plain(message) for message in ours(body["messages"])] for body in bodies]
        return self.processor.apply_chat_template(
            talks,
            add_generation_prompt=True,
            tokenize=True,
            return_dict=True,
            return_tensors="pt",
            padding=True,
        )


def _plain(message: dict[str, Any]) -> dict[str, str]:
    if any(block["type"] == "image" for block in message["content"]):
        raise Unfit("this model sees no pictures")
    text = "".join(block["text"] for block in message["content"])
    return {"role": message["role"], "content": text}


def _tool(body: Body) -> bool:
    """The frame tool has one schema, the one that the student was trained with."""
    names = [tool["function"]["name"] for tool in body.get("tools") or ()]
    if set(names) - {TOOL_NAME}:
        raise Unfit(f"the only tool is {TOOL_NAME}")
    return bool(names)


def _how(body: Body) -> tuple[int, dict[str, Any]]:
    """(new tokens, at most; how `generate` samples); requests that differ are not put together."""
    asked = body.get("max_tokens") or body.get("max_completion_tokens") or USUAL
    heat = float(body.get("temperature") or 0.0)
    sampling: dict[str, Any] = {"do_sample": heat > 0}
    if heat > 0:
        sampling |= {"temperature": heat, "top_p": float(body.get("top_p") or 1.0)}
        sampling |= {"seed": body["seed"]} if "seed" in body else {}
    return min(int(asked), MOST), sampling
