"""Processes that hold parts of a model train as copies do; adapters, frozen parts, loaders."""

from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.stages.test_sft import LORA, log, weights
from tests.stages.training import World, world
from tests.train.conftest import PARAMS, lessons
from touchline.config import load_params_section
from touchline.errors import InputError
from touchline.model.load import freeze_model_parts, load_model_and_processor
from touchline.model.params import StudentParams

SHARDED = "tests/stages/parts_on_cpu.py"  # why: see there


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setenv("TOUCHLINE_CHECKPOINTS", str(tmp_path / "checkpoints"))
    monkeypatch.setenv("TOUCHLINE_CHECKPOINT_KEY", "one")
    return world(tmp_path, lessons(1))


def parts(kind: str = "fsdp") -> dict[str, Any]:
    given = load_params_section(StudentParams, "student", PARAMS).parallel.model_dump()
    return {"processes": 2, "parallel": given | {"kind": kind}}


def unlike(one: dict, other: dict) -> float:
    """The largest difference between two models' weights."""

    def flat(value: Any) -> list[float]:
        return [x for v in value for x in flat(v)] if isinstance(value, list) else [value]

    assert one.keys() == other.keys()
    return max(
        abs(a - b) for name in one for a, b in zip(flat(one[name]), flat(other[name]), strict=True)
    )


def nobody_left(here: World) -> bool:
    lines = [" ".join(p.info["cmdline"] or []) for p in psutil.process_iter(["cmdline"])]
    return not any(str(here.root) in line for line in lines)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_parts_train_to_the_weights_of_copies_and_leave_a_plain_model(
    here: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = here.sft_params(3)
    ended = here.run("sft", ["-m", "stages.sft"], "copies", {"processes": 2}, given)
    assert ended.returncode == 0, ended.stderr[-3000:]

    monkeypatch.setenv("TOUCHLINE_CHECKPOINT_KEY", "two")
    ended = here.run("sft", [SHARDED, "sft"], "parts", parts(), given)
    assert ended.returncode == 0, ended.stderr[-3000:]
    kept = here.root / "checkpoints/sft/two/checkpoint-3"
    assert (kept / "pytorch_model_fsdp_0").is_dir()  # it was divided indeed
    assert unlike(weights(here.root / "parts"), weights(here.root / "copies")) < 1e-5
    losses = [[e["loss"] for e in log(here.root / name)] for name in ("parts", "copies")]
    assert losses[0] == pytest.approx(losses[1], abs=1e-4)
    load_model_and_processor(here.root / "parts", "float32")

    ended = here.run("sft", [SHARDED, "sft"], "again", parts(), given)  # nothing is left to train
    assert ended.returncode == 0, ended.stderr[-3000:]
    assert weights(here.root / "again") == weights(here.root / "parts")
    assert nobody_left(here)


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_parts_on_a_cpu_are_no_silent_copies(here: World) -> None:
    ended = here.run("sft", ["-m", "stages.sft"], "sft", parts(), here.sft_params(1))
    assert ended.returncode == 1
    assert "student.parallel.kind: fsdp was asked for, and accelerate trains by" in ended.stderr
    assert not (here.root / "sft").exists()
    assert nobody_left(here)


@pytest.mark.slow
def test_an_adapter_of_rl_is_merged_and_a_resumed_training_is_the_same(here: World) -> None:
    here.sft(here.sft_params(0))
    here.rl(3, tuning=LORA)
    assert (here.root / "rl/adapter/adapter_model.safetensors").is_file()
    whole, logged = weights(here.root / "rl"), log(here.root / "rl")
    net, _ = load_model_and_processor(here.root / "rl", "float32")
    assert type(net).__name__ == "Qwen3VLForConditionalGeneration"
    (here.root / "checkpoints/rl/one/checkpoint-3/whole").unlink()  # as after a kill
    here.rl(3, tuning=LORA)
    assert weights(here.root / "rl") == whole and log(here.root / "rl") == logged
    here.rl(3, tuning=LORA)  # nothing is left to train
    assert weights(here.root / "rl") == whole


@pytest.mark.slow
def test_an_adapter_of_sft_resumes_to_the_same_weights(here: World) -> None:
    here.sft(here.sft_params(3, LORA))
    whole = weights(here.root / "sft")
    (here.root / "checkpoints/sft/one/checkpoint-3/whole").unlink()
    here.sft(here.sft_params(3, LORA))
    assert weights(here.root / "sft") == whole


@pytest.mark.slow
def test_loader_workers_feed_the_very_same_batches(
    here: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    here.sft(here.sft_params(2), "alone")
    monkeypatch.setenv("TOUCHLINE_CHECKPOINT_KEY", "two")
    workers = {"dataloader_num_workers": 2, "dataloader_prefetch_factor": 2}
    here.sft(here.sft_params(2, **workers), "fed")
    assert weights(here.root / "fed") == weights(here.root / "alone")


@pytest.mark.slow
def test_a_frozen_part_stays_as_it_is_while_the_rest_learns(here: World) -> None:
    here.sft(here.sft_params(3), student={"frozen": ["visual"]})
    before, after = weights(here.root / "base"), weights(here.root / "sft")
    moved = {name for name in after if after[name] != before[name]}
    assert moved and not any(".visual." in name for name in moved)
    assert any(".visual." in name for name in after)


def test_a_part_that_the_model_lacks_is_refused(here: World) -> None:
    here.sft(here.sft_params(0))
    net, _ = load_model_and_processor(here.root / "base", "float32")
    with pytest.raises(InputError, match=r"student.frozen: the model has no part visul"):
        freeze_model_parts(net, ["visul"])


def test_attention_is_as_asked(here: World) -> None:
    here.sft(here.sft_params(0))
    for kind in ("sdpa", "eager"):
        net, _ = load_model_and_processor(here.root / "base", "float32", kind)
        assert net.config.text_config._attn_implementation == kind
