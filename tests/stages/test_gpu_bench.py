"""benchmarks/gpu.py runs from end to end at a tiny size, and counts what it says it counts."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from benchmarks.gpu import flops
from tests.train.conftest import PARAMS, Kit, kit  # noqa: F401


def test_flops_are_six_per_weight_and_token_when_rows_are_short(kit: Kit) -> None:  # noqa: F811
    text = kit.net.config.text_config
    language = sum(w.numel() for n, w in kit.net.named_parameters() if "visual" not in n)
    attention = 6 * text.num_hidden_layers * text.num_attention_heads * text.head_dim
    assert flops(kit.net, [10, 5], []) == 6 * language * 15 + attention * 125
    assert flops(kit.net, [], [8]) > 0


@pytest.mark.slow
@pytest.mark.skipif(torch.cuda.is_available(), reason="it would take the GPU's defaults")
def test_the_benchmark_runs_at_a_tiny_size(tmp_path: Path) -> None:
    out = tmp_path / "gpu.json"
    subprocess.run(
        [sys.executable, "-m", "benchmarks.gpu", "--size", "tiny", "--out", str(out)],
        env=os.environ | {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"},
        cwd=PARAMS.parent, check=True, capture_output=True, timeout=280,
    )  # fmt: skip
    found = json.loads(out.read_text())
    assert found["sft"]["frames_per_row"] == 4 and found["sft"]["tokens_per_second"] > 0
    assert 0 < found["sft"]["waiting_share"] < 1 and found["sft"]["mfu"] is None
    assert found["grpo"]["rollouts_per_step"] == 2 and found["grpo"]["seconds_per_step"] > 0
