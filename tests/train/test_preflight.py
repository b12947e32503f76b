"""What a machine lacks for a training is said before any stage runs, in one sentence."""

import copy
import http.server
import shutil
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
import torch

from flows.runs import overrides
from touchline.errors import InputError
from touchline.train import preflight

ROOT = Path(__file__).parents[2]
ALL = ("sft", "rl", "evaluate")
no_gpu = pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")


def params(tmp_path: Path, preset: str | None = None, *sets: str) -> dict[str, Any]:
    """params.yaml as a run would have it."""
    shutil.copy(ROOT / "params.yaml", tmp_path)
    shutil.copytree(ROOT / "presets", tmp_path / "presets", dirs_exist_ok=True)
    overrides.apply_overrides(tmp_path, preset, sets)
    return overrides.read_yaml_mapping(tmp_path / "params.yaml")


@pytest.mark.parametrize("preset", [None, "smoke", "finebadminton", "local", "many-sports"])
def test_what_runs_on_a_cpu_passes(tmp_path: Path, preset: str | None) -> None:
    preflight.check_training_requirements(params(tmp_path, preset), ALL)


@no_gpu
@pytest.mark.parametrize("preset", ["deepsport", "deepsport-v2", "spotting-paper"])
def test_what_needs_a_gpu_is_refused_without_one(tmp_path: Path, preset: str) -> None:
    with pytest.raises(
        InputError, match=r"student.dtype: bfloat16 needs a GPU \(as do sft.trainer"
    ):
        preflight.check_training_requirements(params(tmp_path, preset), ALL)


def test_stages_before_the_training_need_no_gpu(tmp_path: Path) -> None:
    preflight.check_training_requirements(params(tmp_path, "smoke", "student.dtype=bfloat16"), ())


@pytest.mark.parametrize(
    ("key", "value", "package"),
    [
        ("sft.tuning.kind", "qlora", "bitsandbytes"),
        ("rl.vllm.mode", "colocate", "vllm"),
        ("student.parallel.kind", "deepspeed", "deepspeed"),
        ("student.attention", "flash_attention_2", "flash_attn"),
    ],
)
def test_a_package_that_is_not_installed_is_named_with_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, key: str, value: str, package: str
) -> None:
    given = params(tmp_path, None, f"{key}={value}")
    if not torch.cuda.is_available():
        with pytest.raises(InputError, match=f"{key}: {value} needs a GPU, and torch finds none"):
            preflight.check_training_requirements(given, ALL)
    monkeypatch.setattr(preflight, "count_gpus", lambda: 2)
    if preflight.importlib.util.find_spec(package):
        pytest.skip("it is installed")
    with pytest.raises(InputError, match=f"{value} needs {package}, which is not .* pip install"):
        preflight.check_training_requirements(given, ALL)


@pytest.mark.parametrize(
    ("found", "count", "wrong"),
    [
        (1, 2, "2 processes are to train, and torch finds 1 GPUs; set student.processes=1"),
        (4, 1, "one process is to train, and torch finds 4 GPUs; set it to 4, or CUDA"),
    ],
)
def test_processes_must_fit_the_gpus(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, found: int, count: int, wrong: str
) -> None:
    monkeypatch.setattr(preflight, "count_gpus", lambda: found)
    given = params(tmp_path, None, f"student.processes={count}", "student.dtype=bfloat16")
    with pytest.raises(InputError, match=wrong):
        preflight.check_training_requirements(given, ALL)


def test_parts_need_several_processes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preflight, "count_gpus", lambda: 1)
    given = params(tmp_path, None, "student.processes=1", "student.parallel.kind=fsdp")
    with pytest.raises(InputError, match="divides a model among processes, and there is one"):
        preflight.check_training_requirements(given, ALL)


def test_a_model_that_is_nowhere_is_refused(tmp_path: Path) -> None:
    given = params(tmp_path, None, f"student.model={tmp_path / 'nowhere'}")
    with pytest.raises(InputError, match=r"student.model: .*nowhere holds no config.json"):
        preflight.check_training_requirements(given, ALL)
    (tmp_path / "nowhere").mkdir()
    (tmp_path / "nowhere/config.json").write_text("{}")
    preflight.check_training_requirements(given, ALL)


def test_a_hub_model_that_cannot_be_fetched_is_refused(tmp_path: Path) -> None:
    code = (
        "from touchline.train import preflight\n"
        "try: preflight.check_model_reachable('nobody/nothing', '')\n"
        "except preflight.InputError as fault: print(fault)"
    )
    said = subprocess.run(
        [sys.executable, "-c", code],
        env={"HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path), "PATH": "/usr/bin:/bin"},
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    assert said.startswith("student.model: nobody/nothing is not here and cannot be fetched")


class Healthy(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/health" else 404)
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        pass


def test_a_server_must_answer() -> None:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Healthy) as server:
        url = f"http://127.0.0.1:{server.server_port}"
        threading.Thread(target=server.serve_forever, daemon=True).start()
        preflight.check_vllm_server(url)
        server.shutdown()
    for dead in (url, "", "no address"):
        with pytest.raises(InputError, match=r"rl.vllm.server: no vLLM server answers at"):
            preflight.check_vllm_server(dead)


def test_nothing_of_params_is_changed(tmp_path: Path) -> None:
    given = params(tmp_path)
    before = copy.deepcopy(given)
    preflight.check_training_requirements(given, ALL)
    assert given == before
