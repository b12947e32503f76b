"""vLLM rollouts: TRL's settings for them, and the check that vLLM and transformers produce the same
greedy tokens before RL relies on it.
"""

import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

import torch
from transformers import TrainerCallback

from touchline.atomic import atomic_file
from touchline.chat.messages import TOOLS, Messages
from touchline.config import Params
from touchline.errors import InputError
from touchline.model.processor import FramesProcessor
from touchline.train.distributed import is_main_process

PARITY_FILE = "parity.json"  # beside the model


class ParityParams(Params):
    """How many prompts to compare, how many tokens, and which differences are allowed."""

    prompts: int
    tokens: int  # of each answer, at most
    gap: float  # nats: a first difference between tokens that near is a tie
    share: float  # of the prompts that must be equal, ties counted in


@dataclass(frozen=True)
class ParityPrompt:
    """A conversation with its images, and its token ids with one pad token per image patch."""

    name: str
    messages: Messages
    ids: list[int]
    images: list[Any]


class GreedyGenerator(Protocol):
    """A greedy generator: takes prompts and a token limit, returns the token ids per prompt,
    end-of-turn token included.
    """

    name: str

    def __call__(self, prompts: Sequence[ParityPrompt], tokens: int) -> list[list[int]]: ...


class ReferenceGenerator(GreedyGenerator, Protocol):
    """A generator that can also compare the log-probabilities of two next tokens."""

    def logprob_gap(
        self, prompt: ParityPrompt, prefix: Sequence[int], token: int, other_token: int
    ) -> float: ...


@dataclass(frozen=True)
class PromptComparison:
    """The comparison of one prompt: the position of the first difference (None if equal) and the
    log-probability gap there.
    """

    prompt: str
    prompt_tokens: int
    frames: int
    tokens: int  # of the reference's answer
    parts_at: int | None
    gap: float | None  # nats


def build_parity_prompt(name: str, messages: Messages, processor: FramesProcessor) -> ParityPrompt:
    """Tokenise a conversation as a generation prompt."""
    blocks = (block for message in messages for block in message["content"])
    images = [block["image"] for block in blocks if block["type"] == "image"]
    ids: Any = _tokenize_prompt(messages, processor)["input_ids"]
    return ParityPrompt(name, messages, ids[0].tolist(), images)


def _tokenize_prompt(messages: Messages, processor: FramesProcessor) -> Any:
    return processor.apply_chat_template(
        [messages],
        tools=TOOLS,
        add_generation_prompt=True,
        tokenize=True,
        return_dict=True,
        return_tensors="pt",
    )


class TransformersGenerator:
    """Greedy `generate` of transformers, one prompt at a time so that padding has no influence."""

    def __init__(
        self, model: Any, processor: FramesProcessor, suppressed_tokens: list[int]
    ) -> None:
        """`suppressed_tokens`: token ids that must not be generated."""
        self.name = f"transformers {next(model.parameters()).dtype}".replace("torch.", "")
        self.model, self.processor, self.suppressed_tokens = model, processor, suppressed_tokens

    @torch.no_grad()
    def __call__(self, prompts: Sequence[ParityPrompt], tokens: int) -> list[list[int]]:
        was_training, _ = self.model.training, self.model.eval()
        try:
            return [self._generate_answer(prompt, tokens) for prompt in prompts]
        finally:
            self.model.train(was_training)

    def _generate_answer(self, prompt: ParityPrompt, tokens: int) -> list[int]:
        batch = _tokenize_prompt(prompt.messages, self.processor).to(self.model.device)
        ids = self.model.generate(
            **batch, do_sample=False, max_new_tokens=tokens, suppress_tokens=self.suppressed_tokens
        )
        return ids[0, len(prompt.ids) :].tolist()

    @torch.no_grad()
    def logprob_gap(
        self, prompt: ParityPrompt, prefix: Sequence[int], token: int, other_token: int
    ) -> float:
        """Log-probability of `token` minus that of `other_token` after the prompt and `prefix`, in
        nats.
        """
        batch = _tokenize_prompt(prompt.messages, self.processor).to(self.model.device)
        prefix_ids = torch.tensor([list(prefix)], dtype=torch.long, device=self.model.device)
        for key, fill in (
            ("input_ids", prefix_ids),
            ("attention_mask", torch.ones_like(prefix_ids)),
        ):
            batch[key] = torch.cat([batch[key], fill], dim=1)
        for key in ("token_type_ids", "mm_token_type_ids"):
            if key in batch:
                batch[key] = torch.cat([batch[key], torch.zeros_like(prefix_ids)], dim=1)
        last = self.model(**batch).logits[0, -1].float()
        return float(last[token] - last[other_token])


def compare_generators(
    reference: ReferenceGenerator,
    other: GreedyGenerator,
    prompts: Sequence[ParityPrompt],
    tokens: int,
) -> list[PromptComparison]:
    """Let both generators answer every prompt and compare the token ids. If one answer is a prefix
    of the other, they differ where the shorter one ends.
    """
    pairs = zip(prompts, reference(prompts, tokens), other(prompts, tokens), strict=True)
    return [
        _compare_answers(reference, prompt, reference_answer, other_answer)
        for prompt, reference_answer, other_answer in pairs
    ]


def _compare_answers(
    reference: ReferenceGenerator,
    prompt: ParityPrompt,
    reference_answer: Sequence[int],
    other_answer: Sequence[int],
) -> PromptComparison:
    at = next(
        (i for i, (a, b) in enumerate(zip(reference_answer, other_answer, strict=False)) if a != b),
        None,
    )
    gap = None
    if at is not None:
        gap = reference.logprob_gap(
            prompt, reference_answer[:at], reference_answer[at], other_answer[at]
        )
    elif len(reference_answer) != len(other_answer):
        at = min(len(reference_answer), len(other_answer))
    return PromptComparison(
        prompt=prompt.name,
        prompt_tokens=len(prompt.ids),
        frames=len(prompt.images),
        tokens=len(reference_answer),
        parts_at=at,
        gap=gap,
    )


def summarize_parity(rows: Sequence[PromptComparison], parity: ParityParams) -> dict[str, float]:
    """{prompts, equal, equal_but_ties, widest_gap}: shares of prompts with equal tokens, and equal
    except for near ties.
    """
    ties = [row.gap is not None and row.gap <= parity.gap for row in rows]
    equal = [row.parts_at is None for row in rows]
    return {
        "prompts": len(rows),
        "equal": sum(equal) / len(rows),
        "equal_but_ties": sum(a or b for a, b in zip(equal, ties, strict=True)) / len(rows),
        "widest_gap": max((row.gap for row in rows if row.gap is not None), default=0.0),
    }


def require_parity(
    reference: ReferenceGenerator,
    other: GreedyGenerator,
    prompts: Sequence[ParityPrompt],
    parity: ParityParams,
    file: Path,
    writes: bool,
) -> dict[str, float]:
    """Compare the generators, write the outcome to `file` if `writes`, and return it.

    Raises `InputError` if there are no prompts or if fewer than `parity.share` of them are equal,
    near ties counted in.
    """
    if not prompts:
        raise InputError("rl.vllm.parity.prompts", "no prompt to compare", "set it to 1 or more")
    rows = compare_generators(reference, other, prompts, parity.tokens)
    summary = summarize_parity(rows, parity)
    if writes:
        header = {"reference": reference.name, "other": other.name, "asked": parity.model_dump()}
        with atomic_file(file) as draft:
            lines = [asdict(row) for row in rows]
            draft.write_text(json.dumps({**header, **summary, "rows": lines}, indent=2) + "\n")
    if summary["equal_but_ties"] < parity.share:
        wrong = (
            f"says the same as {reference.name} for {summary['equal_but_ties']:.0%} of "
            f"{len(rows)} prompts, ties counted in, and {parity.share:.0%} must be"
        )
        raise InputError(other.name, wrong, f"see {file}; set rl.vllm.mode=none to train without")
    return summary


class VllmParams(Params):
    """none: transformers generates; colocate: vLLM on the training GPUs; server: elsewhere."""

    mode: Literal["none", "colocate", "server"]
    server: str  # address of `vllm serve`, for that mode
    options: dict[str, Any]  # goes whole to GRPOConfig: its vllm_... keys
    parity: ParityParams


def build_generation_arguments(
    vllm: VllmParams, turn_tokens: int, suppressed_tokens: list[int]
) -> dict[str, Any]:
    """GRPOConfig arguments for generation: the turn length in tokens and the ids that must not be
    generated.

    vLLM has no `suppress_tokens`; a logit bias of -100 has the same effect.
    """
    if vllm.mode == "none":
        return {
            "generation_kwargs": {
                "max_new_tokens": turn_tokens,
                "suppress_tokens": suppressed_tokens,
            }
        }
    bias = dict.fromkeys(suppressed_tokens, -100.0)
    return {
        "use_vllm": True,
        "vllm_mode": vllm.mode,
        **({"vllm_server_base_url": vllm.server} if vllm.mode == "server" else {}),
        "generation_kwargs": {"max_tokens": turn_tokens, "logit_bias": bias},
        **vllm.options,
    }


class VllmGenerator:
    """Greedy generator that calls vLLM exactly as TRL's rollouts do."""

    def __init__(self, engine: Any) -> None:
        """`engine` is the trainer's `vllm_generation`."""
        self.name, self.engine = f"vLLM ({engine.mode})", engine

    def __call__(self, prompts: Sequence[ParityPrompt], tokens: int) -> list[list[int]]:
        engine = self.engine
        saved_settings = engine.temperature, engine.generation_kwargs
        engine.sync_weights()
        engine.temperature = 0.0
        engine.generation_kwargs = {**engine.generation_kwargs, "max_tokens": tokens}
        try:
            ids, images = [p.ids for p in prompts], [p.images for p in prompts]
            _, answers, *_ = engine.generate(prompts=ids, images=images, num_generations=1)
        finally:
            engine.temperature, engine.generation_kwargs = saved_settings
        return [list(token_ids) for token_ids in answers]


class VllmParityCallback(TrainerCallback):
    """Trainer callback: before the first step, check that vLLM generates the same greedy tokens as
    transformers.

    Every process compares the same prompts and so reaches the same result.
    """

    def __init__(
        self,
        parity: ParityParams,
        prompts: Callable[[], list[ParityPrompt]],
        processor: FramesProcessor,
        suppressed_tokens: list[int],
        folder: Path,
    ) -> None:
        self.parity, self.prompts, self.file = parity, prompts, folder / PARITY_FILE
        self.processor, self.suppressed_tokens = processor, suppressed_tokens
        self.engine: Any = None  # the trainer's, which does not exist before its callbacks

    def on_train_begin(self, args: Any, state: Any, control: Any, **kept: Any) -> None:
        reference = TransformersGenerator(kept["model"], self.processor, self.suppressed_tokens)
        require_parity(
            reference,
            VllmGenerator(self.engine),
            self.prompts(),
            self.parity,
            self.file,
            is_main_process(),
        )

    def copy_result(self, folder: Path) -> None:
        """Copy the parity result into the model folder."""
        if self.file.is_file():
            shutil.copy(self.file, folder / PARITY_FILE)
