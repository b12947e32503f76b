"""Rollouts by vLLM instead of transformers: TRL's settings for it, and the check before its use."""

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal

from transformers import TrainerCallback

from touchline.stage import Params
from touchline.student.parity import FILE, Parity, Prompt, Transformers, prove
from touchline.student.processor import FramesProcessor
from touchline.student.ranks import first


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
