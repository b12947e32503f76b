"""Run a training stage whose processes hold parts of the model, without GPUs.

accelerate shards on accelerators only and takes no notice of FSDP on a CPU, although torch itself
shards there, over gloo. This tells accelerate to go on all the same; what is sharded, trained and
saved is the real thing. `python tests/stages/parts_on_cpu.py sft --clips ...`
"""

import importlib
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

from accelerate.state import AcceleratorState, DistributedType, PartialState

from touchline.config import run_stage

begin = AcceleratorState.__init__


def begin_sharded(self: Any, *given: Any, fsdp_plugin: Any = None, **more: Any) -> None:
    begin(self, *given, fsdp_plugin=fsdp_plugin, **more)
    if fsdp_plugin is not None:
        self.distributed_type, self.fsdp_plugin = DistributedType.FSDP, fsdp_plugin
        PartialState._shared_state["distributed_type"] = DistributedType.FSDP  # as accelerate does


if __name__ == "__main__":
    AcceleratorState.__init__ = begin_sharded  # type: ignore[method-assign]
    stage = importlib.import_module(f"stages.{sys.argv.pop(1)}")
    run_stage(stage.main)
