"""TRL's GRPOTrainer with a vision proof: every training forward is compared with what the tool
returned.
"""

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

from touchline.train.distributed import gather_from_ranks, is_main_process
from touchline.train.rl.vision_proof import (
    FrameComparison,
    TokenSum,
    VisionProofParams,
    VisionProofStep,
    average_token_sums,
    compare_rollout_frames,
    measure_vision_use,
    require_equal_frames,
    require_vision_use,
    select_rollouts,
    sum_kl_divergence,
    write_vision_proof_step,
)

ROLLOUT_KEY = "rollout"  # the number of a rollout, which travels through TRL's shuffling with it
FORWARD_KEYS = (
    "pixel_values",
    "image_grid_thw",
    "num_images",
    "token_type_ids",
    "mm_token_type_ids",
)


class VisionProofTrainer(GRPOTrainer):
    """GRPOTrainer that also runs the vision proof; it draws no random numbers, so the weights are
    those of its parent.

    Overrides private methods of TRL 1.16, which pyproject.toml therefore pins to one minor release.
    """

    def __init__(self, *args: Any, sight: VisionProofParams, proofs: Path, **kwargs: Any) -> None:
        """`proofs` is the folder for one proof file per step; a resumed training
        reproduces them.
        """
        super().__init__(*args, **kwargs)
        self._sight, self._proofs = sight, proofs
        self._net: Any = self.model
        self._shown: list[Any] = []
        self._compared_inputs: Mapping[str, Any] | None = None
        self._proof_step = VisionProofStep(-1, 0, 0, 0, {})
        self._start_weights = self._copy_start_weights()

    def _generate_and_score_completions(self, inputs: list[dict[str, Any]]) -> dict[str, Any]:
        outputs = super()._generate_and_score_completions(inputs)
        self._shown = [list(environment._shown) for environment in self.environments or []]
        outputs[ROLLOUT_KEY] = torch.arange(len(inputs), device=outputs["completion_ids"].device)
        return outputs

    def _compute_loss(self, model: Any, inputs: dict[str, Any]) -> Any:
        if ROLLOUT_KEY not in inputs or not self._net.training:
            return super()._compute_loss(model, inputs)
        step = self.state.global_step
        if self._proof_step.step != step:
            self._proof_step = VisionProofStep(step, 0, 0, 0, {})
            if self._sight.every and step % self._sight.every == 0:
                self._run_counterfactual(model, inputs)
        self._compared_inputs = inputs
        try:
            return super()._compute_loss(model, inputs)
        finally:
            self._compared_inputs = None

    def _get_per_token_logps_and_entropies(
        self, model: Any, input_ids: torch.Tensor, *args: Any, **kwargs: Any
    ) -> Any:
        if self._compared_inputs is not None:
            self._compare_frames(input_ids, kwargs)
        return super()._get_per_token_logps_and_entropies(model, input_ids, *args, **kwargs)

    def _compare_frames(self, input_ids: torch.Tensor, forward_inputs: Mapping[str, Any]) -> None:
        """At the last place before the forward: what is compared is what it gets."""
        assert self._compared_inputs is not None
        names = self._compared_inputs[ROLLOUT_KEY].tolist()
        processor: Any = self.processing_class
        pads = (input_ids == processor.image_token_id).sum(1).tolist()
        turns = [self._shown[name] for name in names]
        comparison = compare_rollout_frames(
            self._global_rollout_numbers(names),
            turns,
            pads,
            forward_inputs,
            processor.image_processor,
        )
        comparisons = gather_from_ranks([comparison])
        require_equal_frames(self.state.global_step, comparisons)
        self._record_comparisons(comparisons)

    def _global_rollout_numbers(self, local_numbers: list[int]) -> list[int]:
        """The numbers of rollouts as rollouts.parquet has them: over all processes."""
        before = self.accelerator.process_index * len(self._shown)
        return [before + name for name in local_numbers]

    def _record_comparisons(self, comparisons: list[FrameComparison]) -> None:
        previous, sums = self._proof_step, [(p.rollouts, p.frames, p.unseen) for p in comparisons]
        rollouts, frames, unseen = (sum(counts) for counts in zip(*sums, strict=True))
        self._proof_step = VisionProofStep(
            previous.step,
            previous.rollouts + rollouts,
            previous.frames + frames,
            previous.unseen + unseen,
            previous.used,
        )
        if is_main_process():
            write_vision_proof_step(self._proofs, self._proof_step)

    def _run_counterfactual(self, model: Any, inputs: dict[str, Any]) -> None:
        """For a few rollouts, compare log-probabilities with those on black frames and those of the
        start weights.
        """
        sums = self._counterfactual_sums(model, inputs) if inputs.get("num_images") else {}
        mean_changes = average_token_sums(gather_from_ranks([sums]))
        for name, value in mean_changes.items():
            self._metrics["train"][name].append(value)
        self._proof_step = VisionProofStep(self.state.global_step, 0, 0, 0, mean_changes)
        vision_changes = {name: value for name, value in mean_changes.items() if name != "kl"}
        require_vision_use(self.state.global_step, vision_changes, self._sight)

    def _counterfactual_sums(self, model: Any, inputs: dict[str, Any]) -> dict[str, TokenSum]:
        openings = [len(self._shown[name][0]) for name in inputs[ROLLOUT_KEY].tolist()]
        batch, opening_frames = select_rollouts(inputs, openings, self._sight.rollouts)
        unwrapped_model = model.module if isinstance(model, DistributedDataParallel) else model
        images = self.processing_class.image_processor  # pyright: ignore
        with (
            torch.no_grad(),
            disable_dropout(self._net),
            disable_gradient_checkpointing(self._net, None),
        ):
            token_sums = measure_vision_use(
                lambda some: self._logps(unwrapped_model, some), batch, opening_frames, images
            )
            if self._start_weights is not None:
                now = self._logps(unwrapped_model, batch)
                with self._with_start_weights(unwrapped_model):
                    token_sums["kl"] = sum_kl_divergence(
                        now, self._logps(unwrapped_model, batch), batch
                    )
        return token_sums

    def _logps(self, model: Any, batch: Mapping[str, Any]) -> torch.Tensor:
        ids = torch.cat([batch["prompt_ids"], batch["completion_ids"]], 1)
        mask = torch.cat([batch["prompt_mask"], batch["completion_mask"]], 1)
        vision_inputs = {name: batch[name] for name in FORWARD_KEYS if name in batch}
        completion_length = batch["completion_ids"].size(1)
        return self._get_per_token_logps_and_entropies(
            model, ids, mask, completion_length, **vision_inputs
        )[0]

    def _copy_start_weights(self) -> list[torch.Tensor] | None:
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
    def _with_start_weights(self, model: Any) -> Iterator[None]:
        if isinstance(model, PeftModel):
            with use_adapter(model, adapter_name=None):
                yield
            return
        now = [weight.data for weight in model.parameters()]
        for weight, then in zip(model.parameters(), self._start_weights or [], strict=True):
            weight.data = then.to(weight.device)
        try:
            yield
        finally:
            for weight, current in zip(model.parameters(), now, strict=True):
                weight.data = current


@contextmanager
def disable_dropout(model: Any) -> Iterator[None]:
    """Context manager: put the model into eval mode. Dropout would blur the comparison and draw
    random numbers.
    """
    was_training = model.training
    model.eval()
    try:
        yield
    finally:
        model.train(was_training)
