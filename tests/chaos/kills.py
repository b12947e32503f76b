"""Kill the parts of a run at random moments, again and again, until a retrain has come through."""

import os
import signal
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from random import Random

import psutil

from tests.chaos.arena import SLOWLY, STAGES, Arena

SIGNALS = {"-9": signal.SIGKILL, "-15": signal.SIGTERM, "-2": signal.SIGINT}
VICTIMS = ("flow", "flow", "dvc", "stage", "supervisor")
PATIENCE = 1200.0  # seconds for one attempt on a busy machine
UNTIL = 4  # kills after which a project is left in peace


@dataclass
class Tally:
    """What was done to the runs and what was wrong afterwards."""

    kills: Counter = field(default_factory=Counter)  # (victim, signal)
    missed: int = 0  # the run was through before its victim could be killed
    projects: int = 0
    repeated: int = 0  # training steps that were done again
    slowest: float = 0.0  # seconds until the last process of a killed run was gone
    wrong: list[str] = field(default_factory=list)

    @property
    def done(self) -> int:
        return self.kills.total()

    def add(self, other: "Tally") -> None:
        """Count another project's as well."""
        self.kills += other.kills
        self.missed, self.projects = self.missed + other.missed, self.projects + other.projects
        self.repeated, self.wrong = self.repeated + other.repeated, self.wrong + other.wrong
        self.slowest = max(self.slowest, other.slowest)


def ordeal(arena: Arena, wanted: dict[str, str], kills: int, random: Random, tally: Tally) -> None:
    """Up to `kills` kills of one project, then a retrain in peace, then what must hold."""
    before = tally.done
    while tally.done - before < kills:
        victim, sign = random.choice(VICTIMS), random.choice(sorted(SIGNALS))
        if disturbed(arena, victim, sign, random, tally):
            break
    status = arena.retrain(patience=PATIENCE)
    name = arena.root.name
    if status:
        tally.wrong.append(
            f"{name}: the retrain in peace ended with {status}: {arena.said()[-600:]}"
        )
    tally.wrong += [f"{name}: {one}" for one in arena.wrong(wanted)]
    tally.projects += 1
    tally.repeated += max(0, arena.steps() - 8)


def disturbed(arena: Arena, victim: str, sign: str, random: Random, tally: Tally) -> bool:
    """One retrain and one kill in it; whether all stages are up to date already."""
    flow = arena.start()
    at = random.choice(("any", *STAGES))
    hit = _strike(arena, flow.pid, victim, at, SIGNALS[sign], random, lambda: flow.poll() is None)
    if hit:
        tally.kills[victim, sign] += 1
    else:
        tally.missed += 1
    status = flow.wait(PATIENCE)
    began = time.monotonic()
    if left := arena.survivors(SLOWLY):
        tally.wrong.append(f"{arena.root.name}: alive after {victim} {sign}: {left}")
        for process in arena.processes():
            process.kill()
    tally.slowest = max(tally.slowest, time.monotonic() - began)
    return status == 0


def _strike(
    arena: Arena, flow: int, victim: str, at: str, sign: int, random: Random,
    going: Callable[[], bool],
) -> bool:  # fmt: skip
    """Wait until the victim is at work on the stage and a moment more, then kill it."""
    seen = 0.0
    delay = random.uniform(0, 6 if at == "any" else 1.5)
    while going():
        pids = _working(arena, victim, at, flow)
        seen = seen or (time.monotonic() if pids else 0.0)
        if pids and time.monotonic() - seen >= delay:
            with suppress(ProcessLookupError):
                os.kill(random.choice(pids), sign)
                return True
        time.sleep(0.05)
    return False


def _working(arena: Arena, victim: str, at: str, flow: int) -> list[int]:
    """The victims, while the stage `at` is under DVC; a flow can be hit at any time."""
    if victim == "flow" and at == "any":
        return [flow]
    lines = {}
    for process in arena.processes():
        with suppress(psutil.NoSuchProcess):
            lines[process.pid] = " ".join(process.cmdline())
    named = [pid for pid, line in lines.items() if at == "any" or line.endswith(f" {at}")]
    if victim == "flow":
        return [flow] if named else []
    signs = {"dvc": "-m dvc", "stage": "work.py", "supervisor": "supervise.py"}
    return [
        pid
        for pid in named
        if signs[victim] in lines[pid]
        and (victim == "supervisor" or signs["supervisor"] not in lines[pid])
    ]
