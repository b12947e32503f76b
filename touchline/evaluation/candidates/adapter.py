"""A LoRA adapter over its base."""

import json
import re
from pathlib import Path
from typing import Any, Literal

from touchline.errors import BadInput
from touchline.evaluation.candidates.candidate import Setting
from touchline.evaluation.candidates.model import Watcher
from touchline.evaluation.candidates.weights import local

CONFIG, WEIGHTS = "adapter_config.json", "adapter_model.safetensors"
FIRST = re.compile(r"\.lora_A\.")
BEFORE = "base_model.model."  # what PEFT puts before a layer's name


class Adapter(Watcher):
    """`adapter` is a folder that PEFT wrote, `base` the model it was trained over."""

    kind: Literal["adapter"]
    adapter: str
    base: str  # as `model` of the kind model
    revision: str

    def weights(self, setting: Setting) -> list[Path]:
        base, folder = local(self.base, self.revision, setting.models), Path(self.adapter)
        if not (folder / CONFIG).is_file():
            raise BadInput(folder, f"holds no adapter (no {CONFIG})", "name the folder PEFT wrote")
        return [base, folder]

    def net(self, setting: Setting) -> tuple[Any, Any]:
        """The base with the adapter over it; a `BadInput` where they do not fit."""
        from peft import PeftModel

        from touchline.model.load import load

        base, folder = self.weights(setting)
        net, processor = load(base, setting.dtype, setting.attention)
        _fitting(net, folder)
        return PeftModel.from_pretrained(net, folder).eval(), processor


def _fitting(net: Any, folder: Path) -> None:
    """Every matrix of the adapter has a layer of its size in the base.

    PEFT leaves a matrix without a place out in silence.
    """
    for name, (rank_in, rank_out) in _layers(folder).items():
        try:
            layer = net.get_submodule(name)
        except AttributeError:
            raise _unfit(folder, f"its base has no layer {name}") from None
        sizes = getattr(layer, "in_features", None), getattr(layer, "out_features", None)
        if sizes != (rank_in, rank_out):
            raise _unfit(folder, f"{name} takes {sizes}, the adapter is for {(rank_in, rank_out)}")


def _layers(folder: Path) -> dict[str, tuple[int, int]]:
    """{LAYER: (width in, width out)} of a LoRA adapter, read off its file."""
    from safetensors import safe_open

    kind, file = json.loads((folder / CONFIG).read_text()).get("peft_type"), folder / WEIGHTS
    if kind != "LORA" or not file.is_file():
        raise BadInput(folder, f"is no LoRA adapter in {WEIGHTS}", "merge it into its base")
    found: dict[str, tuple[int, int]] = {}
    with safe_open(file, "pt") as weights:
        for key in filter(FIRST.search, weights.keys()):
            name = key.partition(".lora_A.")[0].removeprefix(BEFORE)
            other = key.replace(".lora_A.", ".lora_B.")
            shapes = [weights.get_slice(one).get_shape() for one in (key, other)]
            found[name] = shapes[0][1], shapes[1][0]
    if not found:
        raise BadInput(file, "holds no LoRA matrices", "name the folder PEFT wrote")
    return found


def _unfit(folder: Path, wrong: str) -> BadInput:
    return BadInput(folder, f"does not fit its base: {wrong}", "name the base it was trained over")
