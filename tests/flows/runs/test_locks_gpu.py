"""The GPU slot has one holder at a time, and no death, however sudden, keeps it."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from flows.runs import locks
from touchline.errors import InputError

HOLD = """
import sys, time, pathlib, subprocess
from flows.runs import locks
where, diary, seconds = sys.argv[1], pathlib.Path(sys.argv[2]), float(sys.argv[3])
def say(text):
    print(text, flush=True)
with locks.hold_gpu_slot(where, "run A", say) as keep:
    with diary.open("a") as file:
        file.write(f"in {time.monotonic()}\\n")
    stage = subprocess.Popen(["sleep", str(seconds)], pass_fds=keep)
    print("held", stage.pid, flush=True)
    stage.wait()
    with diary.open("a") as file:
        file.write(f"out {time.monotonic()}\\n")
"""


def contend(where: str, diary: Path, seconds: float) -> "subprocess.Popen[str]":
    argv = [sys.executable, "-c", HOLD, where, str(diary), str(seconds)]
    root = Path(__file__).parents[3]
    env = {**os.environ, "PYTHONPATH": str(root)}
    return subprocess.Popen(argv, env=env, stdout=subprocess.PIPE, text=True)


def line(process: "subprocess.Popen[str]") -> list[str]:
    assert process.stdout
    return process.stdout.readline().split()


def free(file: Path) -> bool:
    lock = locks._open_slot_file(file)
    try:
        return locks._try_lock(lock)
    finally:
        os.close(lock)


def test_two_processes_never_hold_it_together(tmp_path: Path) -> None:
    file, diary = tmp_path / "gpu", tmp_path / "diary"
    jobs = [contend(str(file), diary, 0.3) for _ in range(3)]
    for job in jobs:
        job.communicate()
    assert [word.split()[0] for word in diary.read_text().splitlines()] == ["in", "out"] * 3


def test_a_killed_holder_frees_it_with_its_last_process(tmp_path: Path) -> None:
    file, diary = tmp_path / "gpu", tmp_path / "diary"
    first = contend(str(file), diary, 600)
    _, stage = line(first)
    second = contend(str(file), diary, 0)
    assert " ".join(line(second)) == f"waits for the GPU: run A (process {first.pid}) has it"
    first.kill()
    first.wait()
    time.sleep(3 * locks.LOOK)
    assert not free(file), "its stage still uses the GPU"
    os.kill(int(stage), signal.SIGKILL)
    assert line(second)[0] == "held"
    second.communicate()
    assert free(file)


def test_a_clock_that_jumps_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "gpu"
    with locks.hold_gpu_slot(str(file), "run A", print) as keep:
        monkeypatch.setattr(time, "time", lambda: 0.0)
        os.utime(file, (0, 0))
        assert keep and not free(file)
    assert free(file)


def test_a_machine_without_a_gpu_has_no_slot(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(locks.SLOT_VARIABLE, raising=False)
    assert locks.resolve_gpu_slot(gpus=False) == "" and locks.resolve_gpu_slot(gpus=True).endswith(
        "touchline-gpu.lock"
    )
    with locks.hold_gpu_slot("", "run A", print) as keep:
        assert keep == []
    monkeypatch.setenv(locks.SLOT_VARIABLE, "gpu")
    with pytest.raises(InputError, match="is not a slot; give an absolute path"):
        locks.resolve_gpu_slot(gpus=True)


def test_a_link_in_its_place_is_refused(tmp_path: Path) -> None:
    (tmp_path / "gpu").symlink_to(tmp_path / "elsewhere")
    with (
        pytest.raises(InputError, match="cannot be opened"),
        locks.hold_gpu_slot(str(tmp_path / "gpu"), "run A", print),
    ):
        pass
    assert not (tmp_path / "elsewhere").exists()


def test_a_torn_note_of_the_holder_is_no_matter(tmp_path: Path) -> None:
    for text in ("", "{", "[]", json.dumps({"who": 1})):
        (tmp_path / "gpu").write_text(text)
        lock = locks._open_slot_file(tmp_path / "gpu")
        assert locks._read_holder(lock) == "somebody"
        os.close(lock)


@pytest.fixture
def lease(server: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """A slot of one at a real Prefect server, made as `docs/operations.md` says."""
    monkeypatch.setenv("PREFECT_API_URL", server)
    name = f"gpu-{os.getpid()}-{time.monotonic_ns()}"
    words = [sys.executable, "-m", "prefect", "--no-prompt", "gcl", "create", name, "--limit", "1"]
    subprocess.run(words, check=True, capture_output=True)
    return f"prefect:{name}"


@pytest.mark.slow
def test_two_workers_without_a_common_disk_take_turns_by_a_lease(
    lease: str, tmp_path: Path
) -> None:
    diary = tmp_path / "diary"
    jobs = [contend(lease, diary, 1) for _ in range(2)]
    for job in jobs:
        job.communicate()
    assert [word.split()[0] for word in diary.read_text().splitlines()] == ["in", "out"] * 2


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_killed_worker_s_lease_runs_out_and_the_next_one_gets_it(
    lease: str, tmp_path: Path
) -> None:
    first = contend(lease, tmp_path / "diary", 600)
    _, stage = line(first)
    second = contend(lease, tmp_path / "diary", 0)
    assert line(second)[:2] == ["waits", "for"]
    first.kill()
    os.kill(int(stage), signal.SIGKILL)
    first.wait()
    assert line(second)[0] == "held"
    second.communicate()


@pytest.mark.slow
def test_a_lease_that_nobody_made_is_one_sentence(
    server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PREFECT_API_URL", server)
    with (
        pytest.raises(
            InputError, match="is not a limit there; `prefect gcl create nobody --limit 1`"
        ),
        locks.hold_gpu_slot("prefect:nobody", "run A", print),
    ):
        pass
