"""Check the keys of `sft.trainer`, `rl.trainer` and `rl.vllm.options` against TRL's config classes.

The fields are read from the source of the installed TRL and transformers: importing the classes
would import torch, which takes seconds, and this check runs before any stage.
"""

import ast
import importlib.util
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from touchline.errors import InputError

PARALLEL_KEYS = dict.fromkeys(("fsdp", "fsdp_config", "deepspeed"), "student.parallel")
COMMON_KEYS = dict.fromkeys(("output_dir", "report_to", "disable_tqdm", "use_cpu"), "")
# What Touchline sets itself: TRL's key -> the key of params.yaml that decides it, "" for none.
SFT_KEYS = {
    **COMMON_KEYS,
    **PARALLEL_KEYS,
    "seed": "sft.seed",
    "max_steps": "sft.steps",
    "learning_rate": "sft.lr",
    "max_length": "",
    "remove_unused_columns": "",
    "train_sampling_strategy": "sft.order",
}
RL_KEYS = {
    **COMMON_KEYS,
    **PARALLEL_KEYS,
    "seed": "rl.seed",
    "max_steps": "rl.steps",
    "learning_rate": "rl.lr",
    "max_tool_calling_iterations": "budget.calls",
    "generation_kwargs": "rl.turn_tokens",
    "use_vllm": "rl.vllm.mode",
    "vllm_mode": "rl.vllm.mode",
    "vllm_server_base_url": "rl.vllm.server",
    "log_completions": "",
    "mask_truncated_completions": "",
}
CONFIG_CLASSES = {
    "sft": ("trl.trainer.sft_config", "SFTConfig"),
    "rl": ("trl.trainer.grpo_config", "GRPOConfig"),
}
# The name of a YAML value's type, and the names in an annotation that accept it.
ACCEPTED_BY = {
    "bool": {"bool"},
    "int": {"int", "float"},
    "float": {"float"},
    "str": {"str"},
    "dict": {"dict"},
    "list": {"list", "tuple"},
    "None": {"None"},
}
PLAIN_TYPES = set().union(*ACCEPTED_BY.values())


def check_trainer_keys(stage: str, section: Mapping[str, Any]) -> None:
    """Raise `InputError` for the first key of the stage's section (`sft` or `rl`) that TRL's config
    does not have, that Touchline sets itself, that is given twice, or whose value is of a wrong
    type.
    """
    trainer, options = section["trainer"], section.get("vllm", {}).get("options", {})
    for key, value in trainer.items():
        _check_trainer_key(stage, f"{stage}.trainer", key, value)
    for key, value in options.items():
        _check_trainer_key(stage, f"{stage}.vllm.options", key, value)
        if key in trainer:
            place = f"{stage}.vllm.options.{key}"
            raise InputError(place, f"stands in {stage}.trainer, too", "leave out one of the two")


def _check_trainer_key(stage: str, place: str, key: str, value: Any) -> None:
    own_keys = SFT_KEYS if stage == "sft" else RL_KEYS
    if key in own_keys:
        remedy = f"set {own_keys[key]} instead" if own_keys[key] else "leave it out"
        raise InputError(f"{place}.{key}", "is set by Touchline itself", remedy)
    module, config_class = CONFIG_CLASSES[stage]
    annotations = read_config_fields(module, config_class)
    if key not in annotations:
        remedy = f"see the arguments of {config_class} in the documentation of TRL"
        raise InputError(f"{place}.{key}", f"TRL's {config_class} has no such key", remedy)
    if not _accepts_value(annotations[key], value):
        wrong = f"{value!r} is of type {_type_name(value)}"
        raise InputError(f"{place}.{key}", wrong, f"give a value of type {annotations[key]}")


@cache
def read_config_fields(module: str, class_name: str) -> dict[str, str]:
    """{field: annotation} of a dataclass in the installed packages, those of its bases included,
    read from the source files.
    """
    tree = ast.parse(_find_source(module).read_text(encoding="utf-8"))
    (definition,) = (
        node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == class_name
    )
    fields: dict[str, str] = {}
    for base in definition.bases:
        if isinstance(base, ast.Name) and (origin := _find_import(tree, module, base.id)):
            fields |= read_config_fields(origin, base.id)
    return fields | dict(_list_fields(definition))


def _list_fields(definition: ast.ClassDef) -> Iterator[tuple[str, str]]:
    for node in definition.body:
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            annotation = ast.unparse(node.annotation)
            if not annotation.startswith("ClassVar"):
                yield node.target.id, annotation


def _find_source(module: str) -> Path:
    """The source file of a module, found without importing the packages above it."""
    package, *names = module.split(".")
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise InputError(package, "is not installed", "make setup")
    return Path(spec.submodule_search_locations[0], *names).with_suffix(".py")


def _find_import(tree: ast.Module, module: str, name: str) -> str:
    """The module from which `name` is imported; "" if it is not. Transformers exports its
    TrainingArguments at the top.
    """
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and any(alias.name == name for alias in node.names):
            if node.level:
                return ".".join([*module.split(".")[: -node.level], node.module or ""])
            return f"{node.module}.training_args" if node.module == "transformers" else ""
    return ""


def _accepts_value(annotation: str, value: Any) -> bool:
    """Whether a field of this annotation takes the value. Of names that are no plain types, such as
    enums, texts are accepted.
    """
    names = {
        node.id if isinstance(node, ast.Name) else str(node.value)
        for node in ast.walk(ast.parse(annotation, mode="eval"))
        if isinstance(node, ast.Name)
        or (isinstance(node, ast.Constant) and isinstance(node.value, bool | None))
    }
    if "Optional" in names:
        names.add("None")
    type_name = _type_name(value)
    if type_name not in ACCEPTED_BY:
        return False
    is_enum = bool(names - PLAIN_TYPES - {"Any", "Optional", "Union", "Literal", "True", "False"})
    return bool(names & ACCEPTED_BY[type_name]) or (type_name == "str" and is_enum)


def _type_name(value: Any) -> str:
    return "None" if value is None else type(value).__name__
