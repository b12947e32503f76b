"""Whether this machine can train what params.yaml asks for, said before any stage runs.

`python -m touchline.student.door sft rl` ends with one sentence if a GPU, a package, a server or
the model is missing. torch, which takes seconds to import, is asked only if a GPU matters.
"""

import importlib.util
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from touchline.errors import BadInput

PACKAGES = {  # what a value of a key needs besides the lock: how to get it
    "bitsandbytes": "bitsandbytes>=0.48",
    "deepspeed": "deepspeed>=0.18",
    "flash_attn": "flash-attn",
    "vllm": "vllm>=0.22,<=0.31",
}
SECONDS = 10.0  # that a hub or a server may take to answer

Wish = tuple[str, str, str]  # key, its value, the package that it needs besides a GPU


def check(params: Mapping[str, Any], stages: Sequence[str]) -> None:
    """Raise `BadInput` for the first thing that is missing for these stages."""
    student = params["student"]
    trained = [name for name in ("sft", "rl") if name in stages and params[name]["steps"]]
    wished = [*_of_student(student), *_of(params, trained)] if trained else []
    found = gpus() if wished or any(Path("/dev").glob("nvidia[0-9]*")) else 0
    if wished and not found:
        _no_gpu(wished)
    for key, value, package in wished:
        if package and importlib.util.find_spec(package) is None:
            remedy = f".venv/bin/python -m pip install {PACKAGES[package]!r}"
            raise BadInput(key, f"{value} needs {package}, which is not installed", remedy)
    if trained:
        _processes(student, found)
    if "rl" in trained and params["rl"]["vllm"]["mode"] == "server":
        answers(params["rl"]["vllm"]["server"])
    if student["model"] != "tiny":
        reachable(student["model"], student["revision"])


def _of_student(student: Mapping[str, Any]) -> Iterator[Wish]:
    """What of the student only a GPU can grant when it is trained."""
    if student["dtype"] != "float32":
        yield "student.dtype", student["dtype"], ""
    if student["attention"].startswith("flash"):
        yield "student.attention", student["attention"], "flash_attn"
    kind = student["parallel"]["kind"]
    if kind != "ddp":
        yield "student.parallel.kind", kind, "deepspeed" if kind == "deepspeed" else ""


def _of(params: Mapping[str, Any], trained: Sequence[str]) -> Iterator[Wish]:
    """The same of the trainings."""
    for name in trained:
        for key in ("bf16", "fp16", "tf32"):
            if params[name]["trainer"].get(key):
                yield f"{name}.trainer.{key}", "true", ""
        if params[name]["tuning"]["kind"] == "qlora":
            yield f"{name}.tuning.kind", "qlora", "bitsandbytes"
    if "rl" in trained and params["rl"]["vllm"]["mode"] != "none":
        yield "rl.vllm.mode", params["rl"]["vllm"]["mode"], "vllm"


def gpus() -> int:
    """How many GPUs torch can use."""
    import torch

    return torch.cuda.device_count() if torch.cuda.is_available() else 0


def _no_gpu(wished: Sequence[Wish]) -> None:
    (key, value, _), *others = wished
    also = f" (as do {', '.join(f'{k}={v}' for k, v, _ in others)})" if others else ""
    wrong = f"{value} needs a GPU{also}, and torch finds none"
    raise BadInput(key, wrong, "run it on a machine with one, or choose another preset")


def _processes(student: Mapping[str, Any], found: int) -> None:
    """One process per GPU; with parts there must be several."""
    count = student["processes"]
    if "RANK" in os.environ:
        return  # a launcher has started as many as it was told
    if found and count > found:
        wrong = f"{count} processes are to train, and torch finds {found} GPUs"
        raise BadInput("student.processes", wrong, f"set student.processes={found}")
    if found > 1 and count == 1:
        wrong = f"one process is to train, and torch finds {found} GPUs"
        raise BadInput("student.processes", wrong, f"set it to {found}, or CUDA_VISIBLE_DEVICES=0")
    if student["parallel"]["kind"] == "fsdp" and count == 1:
        wrong = "fsdp divides a model among processes, and there is one"
        raise BadInput("student.parallel.kind", wrong, "raise student.processes, or choose ddp")


def answers(url: str) -> None:
    """Raise `BadInput` unless a vLLM server answers there."""
    import httpx

    try:  # the border to the network
        httpx.get(f"{url.rstrip('/')}/health", timeout=SECONDS).raise_for_status()
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        wrong = f"no vLLM server answers at {url or 'an empty address'} ({type(error).__name__})"
        remedy = "start one with `vllm serve MODEL`, or set rl.vllm.mode=none"
        raise BadInput("rl.vllm.server", wrong, remedy) from None


def reachable(model: str, revision: str) -> None:
    """Raise `BadInput` unless the model's config.json is here or can be fetched."""
    folder = Path(model)
    if folder.is_dir() or model.startswith(("/", ".", "~")):
        if not (folder / "config.json").is_file():
            raise BadInput("student.model", f"{model} holds no config.json", "give a model folder")
        return
    from huggingface_hub import hf_hub_download

    try:  # the border to the network
        hf_hub_download(model, "config.json", revision=revision or None, etag_timeout=SECONDS)
    except (OSError, ValueError) as error:
        wrong = f"{model} is not here and cannot be fetched ({type(error).__name__})"
        remedy = "check name, revision, network and HF_TOKEN, or give a folder"
        raise BadInput("student.model", wrong, remedy) from None


if __name__ == "__main__":
    try:
        check(YAML(typ="safe").load(Path("params.yaml")), sys.argv[1:])
    except BadInput as fault:
        sys.exit(f"error: {fault}")
