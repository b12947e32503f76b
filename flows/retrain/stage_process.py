"""Run one stage under DVC and hear what it says: its fate, its progress, its one clear sentence."""

import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from flows.retrain.run import Run
from flows.runs import dvc_project, supervised, worktree
from flows.runs.record import Fate, StageRecord
from flows.runs.terminal import BAR, say
from flows.services import environment
from touchline.progress import Line, read_line

RAN, RESTORED = re.compile(r"Running stage '"), re.compile(r"Stage '.*' is cached")
NOISE = re.compile(
    r"(Running stage '|> |Stage '|Updating lock file|Generating lock file|Use `dvc push`"
    r"|To track the changes|To enable auto staging|\tgit add|\tdvc config|Data and pipelines are)"
)
DVC_FAULT = re.compile(r"ERROR: (?P<words>.*)")
EXITED = re.compile(r"exited with (?P<status>-?\d+)")

Tell = Callable[[str, Line | None], None]


class Ear:
    """Hears the lines of one stage; hands them on to the terminal, the log file and `tell`."""

    def __init__(self, stage: str, log: Path, tell: Tell) -> None:
        self.stage, self.log, self.tell = stage, log.open("a"), tell
        self.fate: Fate = "Unchanged"
        self.error = self.last = self.fault = ""

    def __call__(self, line: str) -> None:
        for part in line.split("\r"):
            if text := BAR.sub("", part).rstrip():
                self._hear(text)

    def _hear(self, line: str) -> None:
        self.log.write(f"[{self.stage}] {line}\n")
        self.log.flush()
        if RAN.match(line):
            self.fate = "Ran"
        elif RESTORED.match(line):
            self.fate = "Restored"
        if found := DVC_FAULT.fullmatch(line):
            self.fault = found["words"]
        elif line.startswith("error: "):
            self.error = line.removeprefix("error: ")
        if not NOISE.match(line) and not self.fault:
            self._pass_on(line)

    def _pass_on(self, line: str) -> None:
        progress = read_line(line)
        self.last = line if progress is None else self.last
        say(f"[{self.stage}] {line}", passing=progress is not None)
        self.tell(line, progress)

    def sentence(self, status: int) -> str:
        """Why it failed: its own words, or how it was ended, or the last thing it said."""
        told = EXITED.search(self.fault)
        status = int(told["status"]) if told else status
        signal = -status if status < 0 else status - 128
        if 0 < signal < 65 and not self.error:
            return f"killed by signal {signal}" + (", memory may have run out" * (signal == 9))
        return self.error or self.last or self.fault or "ended without a word"


def stage(
    run: Run,
    name: str,
    forced: bool,
    extra: dict[str, str],
    tell: Tell,
    keep: Sequence[int] = (),
    options: Sequence[str] = (),
) -> StageRecord:
    """Reproduce one stage; `extra` is added to its environment. Never raises for its failure,
    nor for a worktree that is gone.

    `keep`: descriptors of locks, the run's own apart, that its processes hold open.
    `options` go to `dvc repro`.
    """
    if gone := worktree.lost(run.folder):
        return StageRecord(state="Failed", error=str(gone))
    ear, before = Ear(name, run.log, tell), dvc_project.locked(run.folder).get(name)
    argv = [sys.executable, "-m", "dvc", "--wait-for-lock", "repro", "--single-item", name]
    if forced:
        argv.append("--force")
    argv += options
    with ear.log:
        env = environment.stage(run.root, run.folder, extra)
        outcome = supervised.run(argv, run.folder, env, ear, [run.lock, *keep])
    if gone := worktree.lost(run.folder):
        return StageRecord(state="Failed", seconds=round(outcome.seconds, 2), error=str(gone))
    ended = outcome.status == 0 or _committed(run.folder, name, before)
    done = dvc_project.describe(run.folder, name, ear.fate if ended else "Failed")
    done.seconds, done.cpu_seconds = round(outcome.seconds, 2), round(outcome.cpu_seconds, 2)
    done.peak_mib = round(outcome.peak_mib, 1)
    done.error = "" if ended else ear.sentence(outcome.status)
    return done


def _committed(folder: Path, name: str, before: dict[str, Any] | None) -> bool:
    """DVC was killed behind the stage: it stands in dvc.lock, and not as it did before.

    DVC itself is not asked: it takes its killed self for somebody at work until that is reaped.
    """
    if dvc_project.locked(folder).get(name) == before:
        return False
    (folder / ".dvc" / "tmp" / "rwlock").unlink(missing_ok=True)
    return True
