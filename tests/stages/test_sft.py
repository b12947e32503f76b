"""SFT trains, resumes to the very same weights, and says what it cannot do."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest
from safetensors import safe_open

from tests.stages.training import World, world
from tests.train.conftest import BUDGET, PARAMS, lessons
from touchline.errors import InputError
from touchline.model.load import load_model_and_processor
from touchline.records.table import write_records
from touchline.records.trajectory import Trajectory
from touchline.tasks import TASKS
from touchline.train.sft_data import TrajectoryCollator

LORA = {"kind": "lora", "rank": 4, "alpha": 8, "dropout": 0.0}
QLORA = LORA | {"kind": "qlora"}


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setenv("TOUCHLINE_CHECKPOINTS", str(tmp_path / "checkpoints"))
    monkeypatch.setenv("TOUCHLINE_CHECKPOINT_KEY", "one")
    return world(tmp_path, lessons(1))


def weights(folder: Path) -> dict[str, Any]:
    with safe_open(folder / "model.safetensors", "pt") as file:
        return {name: file.get_tensor(name).tolist() for name in file.keys()}  # noqa: SIM118


def log(folder: Path) -> list[dict]:
    return [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]


def test_no_steps_leave_the_base_as_it_is(here: World):
    measured = here.sft(here.sft_params(0))
    assert measured["steps"] == 0
    assert weights(here.root / "sft") == weights(here.root / "base")
    assert log(here.root / "sft") == []
    load_model_and_processor(here.root / "sft", "float32")


def test_qlora_without_a_gpu_is_refused_in_words(here: World):
    import torch

    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    with pytest.raises(
        InputError, match=r"sft.tuning.kind: qlora needs a GPU; choose lora or full"
    ):
        here.sft(here.sft_params(1, QLORA))


def test_lessons_without_frames_are_left_out_and_counted(here: World):
    every = here.sft(here.sft_params(0))
    here.hide(2)
    measured = here.sft(here.sft_params(0))
    assert 0 < measured["without_frames"] == every["trajectories"] - measured["trajectories"]


def test_lessons_of_which_none_has_frames_are_refused_in_words(here: World):
    here.hide(99)
    with pytest.raises(InputError, match="has frames; bring the videos themselves"):
        here.sft(here.sft_params(0))


def test_nothing_accepted_is_refused_in_words(here: World):
    write_records(here.root / "accepted/trajectories.parquet", Trajectory, [])
    with pytest.raises(InputError, match="no trajectory was accepted"):
        here.sft(here.sft_params(1))


def test_a_folder_without_a_model_is_refused_in_words(here: World):
    with pytest.raises(InputError, match="holds no model"):
        load_model_and_processor(here.root / "clips", "float32")


@pytest.mark.slow
def test_training_moves_the_weights_and_writes_no_clock_reading(here: World):
    measured = here.sft(here.sft_params(3))
    assert measured["steps"] == 3
    assert weights(here.root / "sft") != weights(here.root / "base")
    entries = log(here.root / "sft")
    assert [entry["step"] for entry in entries if "loss" in entry] == [1, 2, 3]
    assert not any("runtime" in key for entry in entries for key in entry)
    load_model_and_processor(here.root / "sft", "float32")


@pytest.mark.slow
def test_fewer_steps_than_a_log_line_needs_are_no_crash(here: World):
    assert here.sft(here.sft_params(1, logging_steps=10))["steps"] == 1


def dying(call: Callable, after: int) -> Callable:
    """The collator, until the process is interrupted."""
    left = iter(range(after))

    def collate(self: Any, rows: list) -> Any:
        if next(left, None) is None:
            raise KeyboardInterrupt
        return call(self, rows)

    return collate


@pytest.mark.slow
def test_a_killed_training_ends_with_the_weights_of_an_undisturbed_one(
    here: World, monkeypatch: pytest.MonkeyPatch
):
    here.sft(here.sft_params(4), "undisturbed")
    monkeypatch.setenv("TOUCHLINE_CHECKPOINT_KEY", "two")
    with monkeypatch.context() as broken, pytest.raises(KeyboardInterrupt):
        broken.setattr(TrajectoryCollator, "__call__", dying(TrajectoryCollator.__call__, 3))
        here.sft(here.sft_params(4))
    assert not (here.root / "sft").exists()
    marks = list((here.root / "checkpoints/sft/two").glob("checkpoint-*/whole"))
    assert [mark.parent.name for mark in marks] == ["checkpoint-2"]
    here.sft(here.sft_params(4))
    assert weights(here.root / "sft") == weights(here.root / "undisturbed")
    assert log(here.root / "sft") == log(here.root / "undisturbed")


@pytest.mark.slow
def test_a_training_killed_after_its_last_step_trains_no_further(here: World):
    here.sft(here.sft_params(2), "first")
    assert here.sft(here.sft_params(2), "again")["steps"] == 2
    assert weights(here.root / "again") == weights(here.root / "first")
    assert log(here.root / "again") == log(here.root / "first")


@pytest.mark.slow
def test_an_adapter_is_merged_into_a_model_that_loads(here: World):
    here.sft(here.sft_params(2, LORA))
    net, _ = load_model_and_processor(here.root / "sft", "float32")
    assert type(net).__name__ == "Qwen3VLForConditionalGeneration"
    assert (here.root / "sft/adapter/adapter_model.safetensors").is_file()
    assert weights(here.root / "sft") != weights(here.root / "base")
    visual = [name for name in weights(here.root / "sft") if ".visual." in name]
    before, after = weights(here.root / "base"), weights(here.root / "sft")
    assert all(before[name] == after[name] for name in visual)


@pytest.mark.slow
def test_two_processes_train_together_and_none_is_left(here: World):
    from ruamel.yaml import YAML

    given = YAML(typ="safe").load(PARAMS)
    given["student"]["processes"] = 2
    given["sft"] = here.sft_params(2).model_dump()
    given["budget"] = BUDGET.model_dump()
    YAML(typ="safe").dump(given, here.root / "params.yaml")
    names = ("clips", "questions", "frames", "accepted", "base")
    flags = [word for name in names for word in (f"--{name}", str(here.root / name))]
    flags += ["--model", str(here.root / "sft"), "--metrics", str(here.root / "metrics.json")]
    command = [sys.executable, "-m", "stages.sft", *flags]
    ended = subprocess.run(
        [*command, "--params", str(here.root / "params.yaml")],
        env=os.environ | {"OMP_NUM_THREADS": "1"}, cwd=PARAMS.parent,
        capture_output=True, text=True, timeout=250, check=False,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr[-3000:]
    assert json.loads((here.root / "metrics.json").read_text())["steps"] == 2
    lines = [" ".join(p.info["cmdline"] or []) for p in psutil.process_iter(["cmdline"])]
    assert not any(str(here.root) in line for line in lines)
    load_model_and_processor(here.root / "sft", "float32")


@pytest.mark.slow
def test_a_curriculum_is_trained_in_its_order_and_resumed_where_it_was(
    here: World, monkeypatch: pytest.MonkeyPatch
):
    taught: list[str] = []
    collate = TrajectoryCollator.__call__

    def noted(self: TrajectoryCollator, rows: list[dict[str, Any]]) -> dict[str, Any]:
        taught.extend(row["task"] for row in rows)
        return collate(self, rows)

    monkeypatch.setattr(TrajectoryCollator, "__call__", noted)
    given = here.sft_params(6).model_copy(update={"order": "curriculum"})
    here.sft(given)
    phases = [PHASE[TASKS[task].level] for task in taught[:12]]
    assert phases == sorted(phases)
    assert set(phases) == {0, 1, 2}
    whole = weights(here.root / "sft")

    for step in (6,):  # as after a kill behind step 4
        (here.root / f"checkpoints/sft/one/checkpoint-{step}/whole").unlink()
    before = taught[:12]
    taught.clear()
    here.sft(given)
    assert taught[: len(before) - 8] == before[8:]
    assert weights(here.root / "sft") == whole


PHASE = {"recognition": 0, "rules": 1, "coaching": 2, "commentary": 2}
