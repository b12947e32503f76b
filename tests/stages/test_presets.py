"""Every preset's training sections hold, down to each key that TRL is given."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from flows.runs import overrides
from stages import rl, sft
from touchline.chat.tools.choose_frames import FrameBudget
from touchline.config import load_params_section
from touchline.model.params import StudentParams
from touchline.train.distributed import build_parallel_arguments
from touchline.train.rl.vllm_parity import VllmParams

ROOT = Path(__file__).parents[2]
PRESETS = sorted(path.stem for path in (ROOT / "presets").glob("*.yaml"))


def sections(tmp_path: Path, preset: str) -> dict[str, Any]:
    shutil.copy(ROOT / "params.yaml", tmp_path)
    shutil.copytree(ROOT / "presets", tmp_path / "presets")
    overrides.apply_overrides(tmp_path, preset, ())
    kinds = {
        "sft": sft.SftParams,
        "rl": rl.RlParams,
        "student": StudentParams,
        "budget": FrameBudget,
    }
    return {
        name: load_params_section(kind, name, tmp_path / "params.yaml")
        for name, kind in kinds.items()
    }


@pytest.mark.parametrize("preset", PRESETS)
def test_trl_takes_every_key_of_a_preset(tmp_path: Path, preset: str) -> None:
    given = sections(tmp_path, preset)
    made = sft.build_sft_config(given["sft"], tmp_path)
    assert made.max_steps == given["sft"].steps and made.learning_rate == given["sft"].lr
    if given["rl"].steps:
        played = rl.build_grpo_config(given["rl"], given["budget"], [1, 2], tmp_path)
        assert played.generation_kwargs["max_new_tokens"] == given["rl"].turn_tokens
        rollouts = played.per_device_train_batch_size * played.gradient_accumulation_steps
        assert rollouts % played.num_generations == 0


def test_deepsport_has_the_numbers_of_its_paper(tmp_path: Path) -> None:
    given = sections(tmp_path, "deepsport")
    budget, trainer, reward = given["budget"], given["rl"].trainer, given["rl"].reward
    assert (budget.first, budget.width, budget.height) == (8, 640, 360)
    rollouts = trainer["per_device_train_batch_size"] * trainer["gradient_accumulation_steps"]
    assert rollouts * given["student"].processes == 32 * trainer["num_generations"] == 32 * 8
    assert given["rl"].steps == 300 and trainer["max_completion_length"] == 12800
    assert (reward.gate, reward.penalty) == (0.5, 0.05)
    assert (reward.gated.bonus, reward.gated.consolation) == (0.5, 0.03)
    lessons = given["sft"].steps * given["sft"].trainer["gradient_accumulation_steps"]
    assert 14_599 <= lessons <= 15_100  # one epoch of about 15,000
    assert trainer["scale_rewards"] == "group" and trainer["epsilon"] == 0.2  # GRPO, clip
    assert given["student"].frozen == ["visual"] and budget.calls == 5  # of its sister code


@pytest.mark.parametrize("kind", ["fsdp", "deepspeed"])
def test_parts_are_told_to_the_trainer_whole(tmp_path: Path, kind: str) -> None:
    given = sections(tmp_path, "smoke")["student"].parallel.model_copy(update={"kind": kind})
    told = build_parallel_arguments(given)
    assert told in (
        {"fsdp": True, "fsdp_config": given.fsdp},
        {"deepspeed": given.deepspeed},
    )
    assert build_parallel_arguments(given.model_copy(update={"kind": "ddp"})) == {}


def test_vllm_is_told_to_the_trainer_with_what_it_calls_things(tmp_path: Path) -> None:
    given = sections(tmp_path, "smoke")
    known = given["rl"].vllm.model_dump()
    options = {"vllm_gpu_memory_utilization": 0.4, "vllm_max_model_length": 16384}
    vllm = VllmParams(
        **known | {"mode": "server", "server": "http://127.0.0.1:8000", "options": options}
    )
    asked = given["rl"].model_copy(update={"vllm": vllm})
    made = rl.build_grpo_config(asked, given["budget"], [5, 7], tmp_path)
    assert made.use_vllm and made.vllm_mode == "server"
    assert made.vllm_server_base_url == "http://127.0.0.1:8000"
    assert made.vllm_gpu_memory_utilization == 0.4 and made.vllm_max_model_length == 16384
    assert made.generation_kwargs == {"max_tokens": 80, "logit_bias": {5: -100.0, 7: -100.0}}
