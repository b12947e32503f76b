"""Candidate kind `adapter`: a LoRA adapter over its base model."""

import json
import re
from pathlib import Path
from typing import Any, Literal

from touchline.errors import InputError
from touchline.evaluation.candidates.candidate import EvalSettings
from touchline.evaluation.candidates.model import VisionCandidate
from touchline.evaluation.candidates.weights import locate_model_folder

CONFIG, WEIGHTS = "adapter_config.json", "adapter_model.safetensors"
LORA_A_KEY = re.compile(r"\.lora_A\.")
PEFT_PREFIX = "base_model.model."  # what PEFT puts before a layer's name


class AdapterCandidate(VisionCandidate):
    """`adapter` is a folder written by PEFT, `base` the model it was trained over."""

    kind: Literal["adapter"]
    adapter: str
    base: str  # as `model` of the kind model
    revision: str

    def weights(self, settings: EvalSettings) -> list[Path]:
        base, folder = (
            locate_model_folder(self.base, self.revision, settings.models),
            Path(self.adapter),
        )
        if not (folder / CONFIG).is_file():
            raise InputError(
                folder, f"holds no adapter (no {CONFIG})", "name the folder PEFT wrote"
            )
        return [base, folder]

    def load_net(self, settings: EvalSettings) -> tuple[Any, Any]:
        """Load the base with the adapter. Raises `InputError` where they do not fit."""
        from peft import PeftModel

        from touchline.model.load import load_model_and_processor

        base, folder = self.weights(settings)
        net, processor = load_model_and_processor(base, settings.dtype, settings.attention)
        _require_fitting_layers(net, folder)
        return PeftModel.from_pretrained(net, folder).eval(), processor


def _require_fitting_layers(net: Any, folder: Path) -> None:
    """Every matrix of the adapter has a layer of its size in the base.

    PEFT leaves a matrix without a place out in silence.
    """
    for name, (rank_in, rank_out) in _lora_layer_widths(folder).items():
        try:
            layer = net.get_submodule(name)
        except AttributeError:
            raise _unfit_error(folder, f"its base has no layer {name}") from None
        sizes = getattr(layer, "in_features", None), getattr(layer, "out_features", None)
        if sizes != (rank_in, rank_out):
            raise _unfit_error(
                folder, f"{name} takes {sizes}, the adapter is for {(rank_in, rank_out)}"
            )


def _lora_layer_widths(folder: Path) -> dict[str, tuple[int, int]]:
    """{LAYER: (width in, width out)} of a LoRA adapter, read off its file."""
    from safetensors import safe_open

    kind, file = json.loads((folder / CONFIG).read_text()).get("peft_type"), folder / WEIGHTS
    if kind != "LORA" or not file.is_file():
        raise InputError(folder, f"is not a LoRA adapter in {WEIGHTS}", "merge it into its base")
    layer_widths: dict[str, tuple[int, int]] = {}
    with safe_open(file, "pt") as weights:
        for key in filter(LORA_A_KEY.search, weights.keys()):
            name = key.partition(".lora_A.")[0].removeprefix(PEFT_PREFIX)
            b_key = key.replace(".lora_A.", ".lora_B.")
            shapes = [weights.get_slice(matrix_key).get_shape() for matrix_key in (key, b_key)]
            layer_widths[name] = shapes[0][1], shapes[1][0]
    if not layer_widths:
        raise InputError(file, "holds no LoRA matrices", "name the folder PEFT wrote")
    return layer_widths


def _unfit_error(folder: Path, wrong: str) -> InputError:
    return InputError(
        folder, f"does not fit its base: {wrong}", "name the base it was trained over"
    )
