"""Keys for TRL's configs are checked before any stage runs."""

import ast
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from flows.runs import overrides
from touchline.errors import InputError
from touchline.train import trainer_keys
from touchline.train.trainer_keys import check_trainer_keys

ROOT = Path(__file__).parents[2]


def rl_section(trainer: dict[str, Any], options: dict[str, Any] | None = None) -> dict[str, Any]:
    return {"trainer": trainer, "vllm": {"options": options or {}}}


@pytest.mark.parametrize(
    ("stage", "key", "value", "sentence"),
    [
        ("sft", "max_length", 4096, "sft.trainer.max_length: is set by Touchline itself; leave"),
        ("sft", "seed", 1, "sft.trainer.seed: is set by Touchline itself; set sft.seed instead"),
        ("rl", "seed", 1, "rl.trainer.seed: is set by Touchline itself; set rl.seed instead"),
        ("rl", "use_vllm", True, "rl.trainer.use_vllm: .* set rl.vllm.mode instead"),
        ("sft", "num_generations", 8, "sft.trainer.num_generations: TRL's SFTConfig has no such"),
        ("rl", "learning_rte", 1.0, "rl.trainer.learning_rte: TRL's GRPOConfig has no such key"),
        ("sft", "warmup_steps", "many", "warmup_steps: 'many' is of type str; give .* type float"),
        ("sft", "bf16", 1, "sft.trainer.bf16: 1 is of type int; give a value of type bool"),
        ("sft", "save_total_limit", True, "save_total_limit: True is of type bool"),
        ("rl", "beta", None, "rl.trainer.beta: None is of type None; give a value of type float"),
        ("rl", "fsdp", True, "rl.trainer.fsdp: .* set student.parallel instead"),
    ],
)
def test_a_faulty_key_is_named(stage: str, key: str, value: object, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        check_trainer_keys(stage, rl_section({key: value}))


def test_options_of_vllm_are_checked_like_the_trainer() -> None:
    check_trainer_keys("rl", rl_section({}, {"vllm_gpu_memory_utilization": 0.3}))
    with pytest.raises(InputError, match=r"rl.vllm.options.vllm_memory: TRL's GRPOConfig has no"):
        check_trainer_keys("rl", rl_section({}, {"vllm_memory": 0.3}))
    with pytest.raises(InputError, match=r"rl.vllm.options.beta: stands in rl.trainer, too"):
        check_trainer_keys("rl", rl_section({"beta": 0.0}, {"beta": 0.0}))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("warmup_steps", 30),
        ("lr_scheduler_type", "constant"),
        ("lr_scheduler_kwargs", {"min_lr_rate": 0.05}),
        ("save_total_limit", None),
        ("save_strategy", "no"),
        ("label_names", ["labels"]),
        ("dataset_num_proc", 2),
    ],
)
def test_a_sound_key_passes(key: str, value: object) -> None:
    check_trainer_keys("sft", {"trainer": {key: value}})


@pytest.mark.parametrize(
    "preset",
    [None, *sorted(f"{path.relative_to(ROOT / 'presets').with_suffix('')}"
                   for path in (ROOT / "presets").rglob("*.yaml"))],
)  # fmt: skip
def test_the_keys_of_all_presets_pass(tmp_path: Path, preset: str | None) -> None:
    (tmp_path / "presets").symlink_to(ROOT / "presets")
    (tmp_path / "params.yaml").write_bytes((ROOT / "params.yaml").read_bytes())
    overrides.apply_overrides(tmp_path, preset, ())
    params = overrides.read_yaml_mapping(tmp_path / "params.yaml")
    for stage in ("sft", "rl"):
        check_trainer_keys(stage, params[stage])


@pytest.mark.parametrize(
    ("stage", "config_class", "own_keys"),
    [
        ("sft", "SFTConfig", trainer_keys.SFT_KEYS),
        ("rl", "GRPOConfig", trainer_keys.RL_KEYS),
    ],
)
def test_the_keys_that_a_stage_sets_are_known(
    stage: str, config_class: str, own_keys: dict[str, str]
) -> None:
    (call,) = (
        node
        for node in ast.walk(ast.parse((ROOT / "stages" / f"{stage}.py").read_text()))
        if isinstance(node, ast.Call) and ast.unparse(node.func) == config_class
    )
    stated = {keyword.arg for keyword in call.keywords if keyword.arg}
    assert stated <= set(own_keys)
    assert set(own_keys) <= set(
        trainer_keys.read_config_fields(*trainer_keys.CONFIG_CLASSES[stage])
    )


def test_fields_read_from_the_source_are_those_of_the_classes() -> None:
    from dataclasses import fields

    from trl.trainer.grpo_config import GRPOConfig
    from trl.trainer.sft_config import SFTConfig

    for stage, config_class in (("sft", SFTConfig), ("rl", GRPOConfig)):
        annotations = trainer_keys.read_config_fields(*trainer_keys.CONFIG_CLASSES[stage])
        assert set(annotations) - {"_VALID_DICT_FIELDS"} == {
            field.name for field in fields(config_class) if field.init
        }


def test_the_check_imports_neither_torch_nor_trl() -> None:
    script = (
        "import sys; from touchline.train.trainer_keys import check_trainer_keys as check; "
        "check('sft', {'trainer': {'bf16': False}}); "
        "sys.exit(any(name in sys.modules for name in ('torch', 'trl', 'transformers')))"
    )
    assert subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=False).returncode == 0
