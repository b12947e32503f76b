"""The supervisor: whatever is killed, nothing is left."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from flows.runs import supervised

TREE = """
import subprocess, sys, time
grandchild = subprocess.Popen(["sleep", "300"])
print("grandchild", grandchild.pid, flush=True)
{then}
"""
STUBBORN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(300)"


def start(
    folder: Path, then: str = "time.sleep(300)"
) -> tuple[supervised.SupervisedProcess, list[int]]:
    """A supervised process with a child of its own, and the ids of all three."""
    job = supervised.SupervisedProcess(
        [sys.executable, "-c", TREE.format(then=then)], folder, os.environ
    )
    grandchild = int(next(job.output()).split()[1])
    return job, [job.process.pid, job.group, grandchild]


def gone(pids: list[int], seconds: float = 2.0) -> bool:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if not any(alive(pid) for pid in pids):
            return True
        time.sleep(0.05)
    return False


def alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@pytest.mark.parametrize("victim", [0, 1], ids=["supervisor", "command"])
@pytest.mark.parametrize("sign", [signal.SIGKILL, signal.SIGTERM])
def test_the_group_goes_when_one_of_it_is_killed(tmp_path: Path, victim: int, sign: int) -> None:
    job, pids = start(tmp_path)
    os.kill(pids[victim], sign)
    assert gone(pids)
    assert job.stop().status != 0


def test_a_command_that_ignores_the_request_is_killed(tmp_path: Path) -> None:
    job, pids = start(tmp_path, STUBBORN)
    time.sleep(0.2)
    assert job.stop().status == 143
    assert gone(pids)


def test_the_group_goes_when_the_owner_is_killed(tmp_path: Path) -> None:
    owner = (
        "import os, sys, pathlib; from flows.runs import supervised\n"
        "job = supervised.SupervisedProcess(['sleep', '300'], pathlib.Path('.'), os.environ)\n"
        "print(job.process.pid, job.group, flush=True); job.reaper.join()"
    )
    env = {**os.environ, "PYTHONPATH": str(Path(supervised.__file__).parents[2])}
    with subprocess.Popen(
        [sys.executable, "-c", owner], cwd=tmp_path, env=env, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout
        pids = [int(pid) for pid in process.stdout.readline().split()]
        process.kill()
        assert gone([process.pid, *pids])


def test_a_survivor_of_a_finished_command_is_not_left_behind(tmp_path: Path) -> None:
    job, pids = start(tmp_path, "")
    job.reaper.join(5)
    assert gone(pids)
    assert job.stop().status == 0


def test_the_status_and_the_cost_are_those_of_the_command(tmp_path: Path) -> None:
    burn = "import time; a = b'x' * 2**26\nwhile time.process_time() < 0.5: pass\nprint('x'); 1 / 0"
    lines: list[str] = []
    outcome = supervised.run_supervised(
        [sys.executable, "-c", burn], tmp_path, os.environ, lines.append
    )
    assert outcome.status == 1
    assert lines[0] == "x" and lines[-1] == "ZeroDivisionError: division by zero"
    assert 0.5 <= outcome.cpu_seconds < 3
    assert 64 < outcome.peak_mib < 128
