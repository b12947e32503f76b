"""Preflight check: can this machine train what params.yaml asks for? Run before any stage.

`python -m touchline.train.preflight sft rl` exits with a one-sentence error if a GPU, a package, a
server or the model is missing. torch, which takes seconds to import, is imported only if a GPU
matters.
"""

import importlib.util
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from touchline.errors import InputError
from touchline.train.trainer_keys import check_trainer_keys

EXTRA_PACKAGES = {  # what a value of a key needs besides the lock: how to get it
    "bitsandbytes": "bitsandbytes>=0.48",
    "deepspeed": "deepspeed>=0.18",
    "flash_attn": "flash-attn",
    "vllm": "vllm>=0.22,<=0.31",
}
TIMEOUT_SECONDS = 10.0  # that a hub or a server may take to answer

GpuRequirement = tuple[str, str, str]  # key, its value, the package that it needs besides a GPU


def check_training_requirements(params: Mapping[str, Any], stages: Sequence[str]) -> None:
    """Raise `InputError` for the first GPU, package, server or model that these stages need
    and that is missing, and for keys that TRL's configs do not take.
    """
    for name in ("sft", "rl"):
        if name in stages:
            check_trainer_keys(name, params[name])
    student = params["student"]
    trained = [name for name in ("sft", "rl") if name in stages and params[name]["steps"]]
    requirements = (
        [*_student_gpu_requirements(student), *_training_gpu_requirements(params, trained)]
        if trained
        else []
    )
    gpu_count = count_gpus() if requirements or any(Path("/dev").glob("nvidia[0-9]*")) else 0
    if requirements and not gpu_count:
        _raise_no_gpu(requirements)
    for key, value, package in requirements:
        if package and importlib.util.find_spec(package) is None:
            remedy = f".venv/bin/python -m pip install {EXTRA_PACKAGES[package]!r}"
            raise InputError(key, f"{value} needs {package}, which is not installed", remedy)
    if trained:
        _check_process_count(student, gpu_count)
    if "rl" in trained and params["rl"]["vllm"]["mode"] == "server":
        check_vllm_server(params["rl"]["vllm"]["server"])
    if student["model"] != "tiny":
        check_model_reachable(student["model"], student["revision"])


def _student_gpu_requirements(student: Mapping[str, Any]) -> Iterator[GpuRequirement]:
    """(key, value, package) for each student setting that needs a GPU to train; package is '' if
    none is needed.
    """
    if student["dtype"] != "float32":
        yield "student.dtype", student["dtype"], ""
    if student["attention"].startswith("flash"):
        yield "student.attention", student["attention"], "flash_attn"
    kind = student["parallel"]["kind"]
    if kind != "ddp":
        yield "student.parallel.kind", kind, "deepspeed" if kind == "deepspeed" else ""


def _training_gpu_requirements(
    params: Mapping[str, Any], trained: Sequence[str]
) -> Iterator[GpuRequirement]:
    """(key, value, package) for each training setting that needs a GPU or an extra package."""
    for name in trained:
        for key in ("bf16", "fp16", "tf32"):
            if params[name]["trainer"].get(key):
                yield f"{name}.trainer.{key}", "true", ""
        if params[name]["tuning"]["kind"] == "qlora":
            yield f"{name}.tuning.kind", "qlora", "bitsandbytes"
    if "rl" in trained and params["rl"]["vllm"]["mode"] != "none":
        yield "rl.vllm.mode", params["rl"]["vllm"]["mode"], "vllm"


def count_gpus() -> int:
    """The number of GPUs that torch can use."""
    import torch

    return torch.cuda.device_count() if torch.cuda.is_available() else 0


def _raise_no_gpu(requirements: Sequence[GpuRequirement]) -> None:
    (key, value, _), *others = requirements
    also = f" (as do {', '.join(f'{k}={v}' for k, v, _ in others)})" if others else ""
    wrong = f"{value} needs a GPU{also}, and torch finds none"
    raise InputError(key, wrong, "run it on a machine with one, or choose another preset")


def _check_process_count(student: Mapping[str, Any], gpu_count: int) -> None:
    """One process per GPU; with parts there must be several."""
    count = student["processes"]
    if "RANK" in os.environ:
        return  # a launcher has started as many as it was told
    if gpu_count and count > gpu_count:
        wrong = f"{count} processes are to train, and torch finds {gpu_count} GPUs"
        raise InputError("student.processes", wrong, f"set student.processes={gpu_count}")
    if gpu_count > 1 and count == 1:
        wrong = f"one process is to train, and torch finds {gpu_count} GPUs"
        raise InputError(
            "student.processes", wrong, f"set it to {gpu_count}, or CUDA_VISIBLE_DEVICES=0"
        )
    if student["parallel"]["kind"] == "fsdp" and count == 1:
        wrong = "fsdp divides a model among processes, and there is one"
        raise InputError("student.parallel.kind", wrong, "raise student.processes, or choose ddp")


def check_vllm_server(url: str) -> None:
    """Raise `InputError` unless a vLLM server answers at `url`/health."""
    import httpx

    try:  # the border to the network
        httpx.get(f"{url.rstrip('/')}/health", timeout=TIMEOUT_SECONDS).raise_for_status()
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        wrong = f"no vLLM server answers at {url or 'an empty address'} ({type(error).__name__})"
        remedy = "start one with `vllm serve MODEL`, or set rl.vllm.mode=none"
        raise InputError("rl.vllm.server", wrong, remedy) from None


def check_model_reachable(model: str, revision: str) -> None:
    """Raise `InputError` unless the model's config.json exists locally or can be fetched from the
    hub.
    """
    folder = Path(model)
    if folder.is_dir() or model.startswith(("/", ".", "~")):
        if not (folder / "config.json").is_file():
            raise InputError(
                "student.model", f"{model} holds no config.json", "give a model folder"
            )
        return
    from huggingface_hub import hf_hub_download

    try:  # the border to the network
        hf_hub_download(
            model, "config.json", revision=revision or None, etag_timeout=TIMEOUT_SECONDS
        )
    except (OSError, ValueError) as error:
        wrong = f"{model} is not here and cannot be fetched ({type(error).__name__})"
        remedy = "check name, revision, network and HF_TOKEN, or give a folder"
        raise InputError("student.model", wrong, remedy) from None


if __name__ == "__main__":
    try:
        check_training_requirements(YAML(typ="safe").load(Path("params.yaml")), sys.argv[1:])
    except InputError as fault:
        sys.exit(f"error: {fault}")
