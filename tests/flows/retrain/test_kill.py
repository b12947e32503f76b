"""Whatever is killed in a run, nothing is left alive, and the next run goes on where it stood."""

import hashlib
import json
import signal
import subprocess
import time

import psutil
import pytest

from tests.flows.conftest import Toy

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

STEPS, LR = 9, 0.1


@pytest.fixture
def slow(toy: Toy) -> Toy:
    """A training of nine steps, one per second."""
    toy.set("steps: 3", f"steps: {STEPS}")
    toy.set("seconds: 0.1", "seconds: 1")
    return toy


def undisturbed() -> str:
    """The weights that the training ends with when nobody kills it."""
    state = "start"
    for _ in range(STEPS):
        state = hashlib.sha256(f"{state} {LR}".encode()).hexdigest()
    return state


def started(toy: Toy, steps: int) -> subprocess.Popen[str]:
    """A retrain whose training has made so many steps in all."""
    process = toy.start("retrain")
    until = time.monotonic() + 240
    while len(toy.steps_run()) < steps and time.monotonic() < until and process.poll() is None:
        time.sleep(0.1)
    assert len(toy.steps_run()) >= steps and process.poll() is None
    return process


def part(toy: Toy, which: str) -> psutil.Process:
    """The flow, the DVC command or the stage."""
    signs = {"flow": "flows.cli", "dvc": "repro", "stage": "work.py"}
    found = [p for p in toy.processes() if signs[which] in p.cmdline()]
    return next(p for p in found if "supervise.py" not in " ".join(p.cmdline()))


def survivors(toy: Toy, seconds: float = 2.0) -> list[str]:
    until = time.monotonic() + seconds
    while toy.processes() and time.monotonic() < until:
        time.sleep(0.05)
    return [" ".join(process.cmdline()) for process in toy.processes()]


def state(toy: Toy) -> dict:
    return json.loads(toy.type("show", "latest", "--json")[1])


def test_killed_thrice_the_training_ends_as_if_undisturbed(slow: Toy, server: str) -> None:
    flow = started(slow, 2)
    assert len(slow.processes()) >= 6  # flow, two supervisors, server, DVC, stage, its child
    part(slow, "flow").kill()
    assert survivors(slow) == []
    flow.communicate()
    assert state(slow)["state"] == "killed"
    assert not (slow.root / "data" / "model").exists()

    slow.api = server
    for which in ("dvc", "stage"):
        flow = started(slow, len(slow.steps_run()) + 2)
        part(slow, which).kill()
        said, _ = flow.communicate()
        assert survivors(slow, 0) == [] and flow.returncode == 1
        assert said.rstrip().endswith("train: killed by signal 9, memory may have run out")

    assert slow.type("retrain")[0] == 0
    assert (slow.root / "data" / "model" / "weights").read_text() == undisturbed()
    repeated = len(slow.steps_run()) - STEPS
    assert 0 <= repeated <= 3, "each kill costs the step it hit, no more"
    fates = {name: done["state"] for name, done in state(slow)["stages"].items()}
    assert fates["train"] == "Ran" and fates["make"] in ("Restored", "Unchanged")
    assert not list((slow.root / ".touchline" / "checkpoints").glob("*/*"))


@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGINT])
def test_a_run_that_is_told_to_stop_stops_at_once(slow: Toy, sign: int) -> None:
    flow = started(slow, 1)
    flow.send_signal(sign)
    assert survivors(slow) == []
    said, _ = flow.communicate()
    assert flow.returncode == 128 + sign
    assert said.rstrip().endswith("stopped; the next retrain goes on from here")
    assert state(slow)["state"] == "killed"


def test_a_second_run_is_refused_in_one_sentence(slow: Toy, server: str) -> None:
    slow.api = server
    flow = started(slow, 1)
    status, said = slow.type("retrain")
    assert status == 2
    assert said == (
        f"error: retrain: a run is going on (process {flow.pid}); wait for its end or stop it\n"
    )
    assert slow.type("runs")[1].count("running") == 1
    flow.kill()
    flow.communicate()
    assert survivors(slow) == []
