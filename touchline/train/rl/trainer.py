"""TRL's GRPOTrainer, watched: every training forward is held against what the tool returned."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from peft import PeftModel
from torch.nn.parallel import DistributedDataParallel
from trl.models.utils import disable_gradient_checkpointing
from trl.trainer.grpo_trainer import GRPOTrainer
from trl.trainer.utils import use_adapter

from touchline.train.distributed import first, gathered
from touchline.train.rl.vision_proof import (
    Checked,
    Proof,
    Sight,
    Sum,
    demand,
    demand_use,
    divergence,
    keep,
    means,
    moved,
    prove,
    some,
)

ROLLOUT = "rollout"  # the number of a rollout, which travels through TRL's shuffling with it
FORWARD = ("pixel_values", "image_grid_thw", "num_images", "token_type_ids", "mm_token_type_ids")


class SeeingTrainer(GRPOTrainer):
    """Trains as its parent does, to the same weights: the proof draws no random number.

    Hooks private methods of TRL 1.16, which pyproject.toml therefore pins to one minor release.
    """

    def __init__(self, *args: Any, sight: Sight, proofs: Path, **kwargs: Any) -> None:
        """`proofs` is a folder for one file per step; a resumed training makes them again."""
        super().__init__(*args, **kwargs)
        self._sight, self._proofs = sight, proofs
        self._net: Any = self.model
        self._shown: list[Any] = []
        self._watched: Mapping[str, Any] | None = None
        self._checked = Checked(-1, 0, 0, 0, {})
        self._start = self._copied()

    def _generate_and_score_completions(self, inputs: list[dict[str, Any]]) -> dict[str, Any]:
        made = super()._generate_and_score_completions(inputs)
        self._shown = [list(environment._shown) for environment in self.environments or []]
        made[ROLLOUT] = torch.arange(len(inputs), device=made["completion_ids"].device)
        return made

    def _compute_loss(self, model: Any, inputs: dict[str, Any]) -> Any:
        if ROLLOUT not in inputs or not self._net.training:
            return super()._compute_loss(model, inputs)
        step = self.state.global_step
        if self._checked.step != step:
            self._checked = Checked(step, 0, 0, 0, {})
            if self._sight.every and step % self._sight.every == 0:
                self._ask_what_if(model, inputs)
        self._watched = inputs
        try:
            return super()._compute_loss(model, inputs)
        finally:
            self._watched = None

    def _get_per_token_logps_and_entropies(
        self, model: Any, input_ids: torch.Tensor, *args: Any, **kwargs: Any
    ) -> Any:
        if self._watched is not None:
            self._prove(input_ids, kwargs)
        return super()._get_per_token_logps_and_entropies(model, input_ids, *args, **kwargs)

    def _prove(self, input_ids: torch.Tensor, given: Mapping[str, Any]) -> None:
        """At the last place before the forward: what is compared is what it gets."""
        assert self._watched is not None
        names = self._watched[ROLLOUT].tolist()
        processor: Any = self.processing_class
        pads = (input_ids == processor.image_token_id).sum(1).tolist()
        turns = [self._shown[name] for name in names]
        mine = prove(self._names(names), turns, pads, given, processor.image_processor)
        proofs = gathered([mine])
        demand(self.state.global_step, proofs)
        self._note(proofs)

    def _names(self, mine: list[int]) -> list[int]:
        """The numbers of rollouts as rollouts.parquet has them: over all processes."""
        before = self.accelerator.process_index * len(self._shown)
        return [before + name for name in mine]

    def _note(self, proofs: list[Proof]) -> None:
        was, sums = self._checked, [(p.rollouts, p.frames, p.unseen) for p in proofs]
        rollouts, frames, unseen = (sum(each) for each in zip(*sums, strict=True))
        self._checked = Checked(
            was.step, was.rollouts + rollouts, was.frames + frames, was.unseen + unseen, was.used
        )
        if first():
            keep(self._proofs, self._checked)

    def _ask_what_if(self, model: Any, inputs: dict[str, Any]) -> None:
        """Black frames instead, and the weights at the start instead, for a few rollouts."""
        sums = self._sums(model, inputs) if inputs.get("num_images") else {}
        found = means(gathered([sums]))
        for name, value in found.items():
            self._metrics["train"][name].append(value)
        self._checked = Checked(self.state.global_step, 0, 0, 0, found)
        used = {name: value for name, value in found.items() if name != "kl"}
        demand_use(self.state.global_step, used, self._sight)

    def _sums(self, model: Any, inputs: dict[str, Any]) -> dict[str, Sum]:
        openings = [len(self._shown[name][0]) for name in inputs[ROLLOUT].tolist()]
        batch, kept = some(inputs, openings, self._sight.rollouts)
        bare = model.module if isinstance(model, DistributedDataParallel) else model
        images = self.processing_class.image_processor  # pyright: ignore
        with torch.no_grad(), still(self._net), disable_gradient_checkpointing(self._net, None):
            found = moved(lambda some: self._logps(bare, some), batch, kept, images)
            if self._start is not None:
                now = self._logps(bare, batch)
                with self._as_at_the_start(bare):
                    found["kl"] = divergence(now, self._logps(bare, batch), batch)
        return found

    def _logps(self, model: Any, batch: Mapping[str, Any]) -> torch.Tensor:
        ids = torch.cat([batch["prompt_ids"], batch["completion_ids"]], 1)
        mask = torch.cat([batch["prompt_mask"], batch["completion_mask"]], 1)
        given = {name: batch[name] for name in FORWARD if name in batch}
        kept = batch["completion_ids"].size(1)
        return self._get_per_token_logps_and_entropies(model, ids, mask, kept, **given)[0]

    def _copied(self) -> list[torch.Tensor] | None:
        """The weights before RL, in the host's memory; with an adapter, it is switched off instead.

        None where TRL measures the KL itself, where none is asked for, and where the weights are
        spread over processes.
        """
        spread = self.is_fsdp_enabled or self.is_deepspeed_enabled
        if self.beta or not self._sight.every or spread:
            return None
        if isinstance(self._net, PeftModel):
            return []
        return [weight.detach().to("cpu", copy=True) for weight in self._net.parameters()]

    @contextmanager
    def _as_at_the_start(self, model: Any) -> Iterator[None]:
        if isinstance(model, PeftModel):
            with use_adapter(model, adapter_name=None):
                yield
            return
        now = [weight.data for weight in model.parameters()]
        for weight, then in zip(model.parameters(), self._start or [], strict=True):
            weight.data = then.to(weight.device)
        try:
            yield
        finally:
            for weight, current in zip(model.parameters(), now, strict=True):
                weight.data = current


@contextmanager
def still(model: Any) -> Iterator[None]:
    """Without dropout, which would both blur the comparison and draw random numbers."""
    was = model.training
    model.eval()
    try:
        yield
    finally:
        model.train(was)
