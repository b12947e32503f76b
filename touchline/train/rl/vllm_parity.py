"""Whether two ways to generate say the same greedy tokens, asked before one is trusted.

vLLM computes attention, sampling and the place of pictures in its own way; a fault there trains the
model on words that it did not say (TRL issues 6294, 6401). So it must first say what transformers
says from the same weights. Rounding turns a near tie now and then, which is no fault.
"""

import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

import torch
from transformers import TrainerCallback

from touchline.atomic import whole_file
from touchline.chat.messages import TOOLS, Messages
from touchline.config import Params
from touchline.errors import BadInput
from touchline.model.processor import FramesProcessor
from touchline.train.distributed import first

FILE = "parity.json"  # beside the model


class Parity(Params):
    """How many prompts, how far, and what still counts as the same."""

    prompts: int
    tokens: int  # of each answer, at most
    gap: float  # nats: a first difference between tokens that near is a tie
    share: float  # of the prompts that must be equal, ties counted in


@dataclass(frozen=True)
class Prompt:
    """A conversation with its pictures, and its token ids with a pad for each picture patch."""

    name: str
    talk: Messages
    ids: list[int]
    images: list[Any]


class Generator(Protocol):
    """Greedy answers: token ids per prompt, up to and with the end of the turn."""

    name: str

    def __call__(self, prompts: Sequence[Prompt], tokens: int) -> list[list[int]]: ...


class Reference(Generator, Protocol):
    """A generator that can also say how much more it likes one next token than another."""

    def gap(self, prompt: Prompt, said: Sequence[int], mine: int, other: int) -> float: ...


@dataclass(frozen=True)
class Compared:
    """One prompt: where the answers part, if they do, and how near a tie that was."""

    prompt: str
    prompt_tokens: int
    frames: int
    tokens: int  # of the reference's answer
    parts_at: int | None
    gap: float | None  # nats


def prompt_of(name: str, talk: Messages, processor: FramesProcessor) -> Prompt:
    """The prompt as rollouts begin."""
    blocks = (block for message in talk for block in message["content"])
    images = [block["image"] for block in blocks if block["type"] == "image"]
    ids: Any = _inputs(talk, processor)["input_ids"]
    return Prompt(name, talk, ids[0].tolist(), images)


def _inputs(talk: Messages, processor: FramesProcessor) -> Any:
    return processor.apply_chat_template(
        [talk],
        tools=TOOLS,
        add_generation_prompt=True,
        tokenize=True,
        return_dict=True,
        return_tensors="pt",
    )


class Transformers:
    """Hugging Face's own `generate`, one prompt at a time so that no padding matters."""

    def __init__(self, model: Any, processor: FramesProcessor, never: list[int]) -> None:
        """`never`: token ids that must not be said."""
        self.name = f"transformers {next(model.parameters()).dtype}".replace("torch.", "")
        self.model, self.processor, self.never = model, processor, never

    @torch.no_grad()
    def __call__(self, prompts: Sequence[Prompt], tokens: int) -> list[list[int]]:
        was, _ = self.model.training, self.model.eval()
        try:
            return [self._answer(prompt, tokens) for prompt in prompts]
        finally:
            self.model.train(was)

    def _answer(self, prompt: Prompt, tokens: int) -> list[int]:
        batch = _inputs(prompt.talk, self.processor).to(self.model.device)
        ids = self.model.generate(
            **batch, do_sample=False, max_new_tokens=tokens, suppress_tokens=self.never
        )
        return ids[0, len(prompt.ids) :].tolist()

    @torch.no_grad()
    def gap(self, prompt: Prompt, said: Sequence[int], mine: int, other: int) -> float:
        """Log-probability of `mine` minus that of `other`, after the same words."""
        batch = _inputs(prompt.talk, self.processor).to(self.model.device)
        said_ids = torch.tensor([list(said)], dtype=torch.long, device=self.model.device)
        for key, fill in (("input_ids", said_ids), ("attention_mask", torch.ones_like(said_ids))):
            batch[key] = torch.cat([batch[key], fill], dim=1)
        for key in ("token_type_ids", "mm_token_type_ids"):
            if key in batch:
                batch[key] = torch.cat([batch[key], torch.zeros_like(said_ids)], dim=1)
        last = self.model(**batch).logits[0, -1].float()
        return float(last[mine] - last[other])


def compare(
    reference: Reference, other: Generator, prompts: Sequence[Prompt], tokens: int
) -> list[Compared]:
    """Both answer every prompt; an answer that merely ends earlier parts where it ends."""
    pairs = zip(prompts, reference(prompts, tokens), other(prompts, tokens), strict=True)
    return [_compared(reference, prompt, mine, theirs) for prompt, mine, theirs in pairs]


def _compared(
    reference: Reference, prompt: Prompt, mine: Sequence[int], theirs: Sequence[int]
) -> Compared:
    at = next((i for i, (a, b) in enumerate(zip(mine, theirs, strict=False)) if a != b), None)
    gap = None
    if at is not None:
        gap = reference.gap(prompt, mine[:at], mine[at], theirs[at])
    elif len(mine) != len(theirs):
        at = min(len(mine), len(theirs))
    return Compared(prompt.name, len(prompt.ids), len(prompt.images), len(mine), at, gap)


def verdict(rows: Sequence[Compared], parity: Parity) -> dict[str, float]:
    """Shares of prompts: equal token by token, and equal but for ties."""
    ties = [row.gap is not None and row.gap <= parity.gap for row in rows]
    equal = [row.parts_at is None for row in rows]
    return {
        "prompts": len(rows),
        "equal": sum(equal) / len(rows),
        "equal_but_ties": sum(a or b for a, b in zip(equal, ties, strict=True)) / len(rows),
        "widest_gap": max((row.gap for row in rows if row.gap is not None), default=0.0),
    }


def prove(
    reference: Reference,
    other: Generator,
    prompts: Sequence[Prompt],
    parity: Parity,
    file: Path,
    writes: bool,
) -> dict[str, float]:
    """Compare, write the outcome to `file`, and raise `BadInput` if too few prompts are equal."""
    if not prompts:
        raise BadInput("rl.vllm.parity.prompts", "no prompt to compare", "set it to 1 or more")
    rows = compare(reference, other, prompts, parity.tokens)
    found = verdict(rows, parity)
    if writes:
        told = {"reference": reference.name, "other": other.name, "asked": parity.model_dump()}
        with whole_file(file) as draft:
            lines = [asdict(row) for row in rows]
            draft.write_text(json.dumps({**told, **found, "rows": lines}, indent=2) + "\n")
    if found["equal_but_ties"] < parity.share:
        wrong = (
            f"says the same as {reference.name} for {found['equal_but_ties']:.0%} of "
            f"{len(rows)} prompts, ties counted in, and {parity.share:.0%} must be"
        )
        raise BadInput(other.name, wrong, f"see {file}; set rl.vllm.mode=none to train without")
    return found


class Vllm(Params):
    """none: transformers generates; colocate: vLLM on the training GPUs; server: elsewhere."""

    mode: Literal["none", "colocate", "server"]
    server: str  # address of `vllm serve`, for that mode
    options: dict[str, Any]  # goes whole to GRPOConfig: its vllm_... keys
    parity: Parity


def generation(vllm: Vllm, turn_tokens: int, never: list[int]) -> dict[str, Any]:
    """What GRPOConfig must know of generation: a turn's length, and the ids never to be said.

    vLLM knows no `suppress_tokens`; a bias of -100 on the logits comes to the same.
    """
    if vllm.mode == "none":
        return {"generation_kwargs": {"max_new_tokens": turn_tokens, "suppress_tokens": never}}
    bias = dict.fromkeys(never, -100.0)
    return {
        "use_vllm": True,
        "vllm_mode": vllm.mode,
        **({"vllm_server_base_url": vllm.server} if vllm.mode == "server" else {}),
        "generation_kwargs": {"max_tokens": turn_tokens, "logit_bias": bias},
        **vllm.options,
    }


class Rollouts:
    """vLLM exactly as TRL's rollouts use it, but greedy."""

    def __init__(self, engine: Any) -> None:
        """`engine`: the trainer's `vllm_generation`."""
        self.name, self.engine = f"vLLM ({engine.mode})", engine

    def __call__(self, prompts: Sequence[Prompt], tokens: int) -> list[list[int]]:
        engine = self.engine
        kept = engine.temperature, engine.generation_kwargs
        engine.sync_weights()
        engine.temperature = 0.0
        engine.generation_kwargs = {**engine.generation_kwargs, "max_tokens": tokens}
        try:
            ids, images = [p.ids for p in prompts], [p.images for p in prompts]
            _, said, *_ = engine.generate(prompts=ids, images=images, num_generations=1)
        finally:
            engine.temperature, engine.generation_kwargs = kept
        return [list(one) for one in said]


class Proof(TrainerCallback):
    """Before the first step, when the weights are in place: vLLM must say what transformers says.

    Every process compares the same prompts, and so comes to the same end.
    """

    def __init__(
        self,
        parity: Parity,
        prompts: Callable[[], list[Prompt]],
        processor: FramesProcessor,
        never: list[int],
        folder: Path,
    ) -> None:
        self.parity, self.prompts, self.file = parity, prompts, folder / FILE
        self.processor, self.never = processor, never
        self.engine: Any = None  # the trainer's, which does not exist before its callbacks

    def on_train_begin(self, args: Any, state: Any, control: Any, **kept: Any) -> None:
        reference = Transformers(kept["model"], self.processor, self.never)
        prove(reference, Rollouts(self.engine), self.prompts(), self.parity, self.file, first())

    def leave(self, folder: Path) -> None:
        """Put the outcome beside the model."""
        if self.file.is_file():
            shutil.copy(self.file, folder / FILE)
