"""Run one stage with `dvc repro` in a process, and parse its output into outcome, progress and
error sentence.
"""

import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from flows.retrain.run import RunSession
from flows.runs import dvc_project, supervised, worktree
from flows.runs.record import StageOutcome, StageRecord
from flows.runs.terminal import TQDM_BAR, print_line
from flows.services import environment
from touchline.progress import ProgressLine, parse_progress_line

RAN, RESTORED = re.compile(r"Running stage '"), re.compile(r"Stage '.*' is cached")
NOISE = re.compile(
    r"(Running stage '|> |Stage '|Updating lock file|Generating lock file|Use `dvc push`"
    r"|To track the changes|To enable auto staging|\tgit add|\tdvc config|Data and pipelines are)"
)
DVC_ERROR = re.compile(r"ERROR: (?P<words>.*)")
EXIT_STATUS = re.compile(r"exited with (?P<status>-?\d+)")

ReportLine = Callable[[str, ProgressLine | None], None]


class StageOutputParser:
    """Callback for the output lines of one stage: writes them to the log file, prints them, and
    passes them to `report` with their parsed progress.
    """

    def __init__(self, stage: str, log: Path, report: ReportLine) -> None:
        self.stage, self.log, self.report = stage, log.open("a"), report
        self.fate: StageOutcome = "Unchanged"
        self.error = self.last_line = self.dvc_error = ""

    def __call__(self, line: str) -> None:
        for part in line.split("\r"):
            if text := TQDM_BAR.sub("", part).rstrip():
                self._parse_line(text)

    def _parse_line(self, line: str) -> None:
        self.log.write(f"[{self.stage}] {line}\n")
        self.log.flush()
        if RAN.match(line):
            self.fate = "Ran"
        elif RESTORED.match(line):
            self.fate = "Restored"
        if dvc_error := DVC_ERROR.fullmatch(line):
            self.dvc_error = dvc_error["words"]
        elif line.startswith("error: "):
            self.error = line.removeprefix("error: ")
        if not NOISE.match(line) and not self.dvc_error:
            self._forward(line)

    def _forward(self, line: str) -> None:
        progress = parse_progress_line(line)
        self.last_line = line if progress is None else self.last_line
        print_line(f"[{self.stage}] {line}", passing=progress is not None)
        self.report(line, progress)

    def failure_reason(self, status: int) -> str:
        """Why the stage failed: its own error line, the signal that killed it, or the last line it
        printed.
        """
        exit_match = EXIT_STATUS.search(self.dvc_error)
        status = int(exit_match["status"]) if exit_match else status
        signal = -status if status < 0 else status - 128
        if 0 < signal < 65 and not self.error:
            return f"killed by signal {signal}" + (", memory may have run out" * (signal == 9))
        return self.error or self.last_line or self.dvc_error or "ended without a word"


def reproduce_stage(
    run: RunSession,
    name: str,
    forced: bool,
    extra: dict[str, str],
    report: ReportLine,
    lock_fds: Sequence[int] = (),
    options: Sequence[str] = (),
) -> StageRecord:
    """Reproduce one stage with DVC and return its record; failures are recorded as `Failed`, not
    raised.

    `forced` reruns an unchanged stage, `extra` is added to its environment, `lock_fds` are
    descriptors of locks that its processes inherit besides the run's own, and `options` go to `dvc
    repro`.
    """
    if worktree_error := worktree.find_worktree_error(run.folder):
        return StageRecord(state="Failed", error=str(worktree_error))
    parser, before = (
        StageOutputParser(name, run.log, report),
        dvc_project.read_dvc_lock(run.folder).get(name),
    )
    argv = [sys.executable, "-m", "dvc", "--wait-for-lock", "repro", "--single-item", name]
    if forced:
        argv.append("--force")
    argv += options
    with parser.log:
        env = environment.build_stage_environment(run.root, run.folder, extra)
        outcome = supervised.run_supervised(argv, run.folder, env, parser, [run.lock, *lock_fds])
    if worktree_error := worktree.find_worktree_error(run.folder):
        return StageRecord(
            state="Failed", seconds=round(outcome.seconds, 2), error=str(worktree_error)
        )
    succeeded = outcome.status == 0 or _is_committed(run.folder, name, before)
    stage_record = dvc_project.describe_stage(
        run.folder, name, parser.fate if succeeded else "Failed"
    )
    stage_record.seconds, stage_record.cpu_seconds = (
        round(outcome.seconds, 2),
        round(outcome.cpu_seconds, 2),
    )
    stage_record.peak_mib = round(outcome.peak_mib, 1)
    stage_record.error = "" if succeeded else parser.failure_reason(outcome.status)
    return stage_record


def _is_committed(folder: Path, name: str, before: dict[str, Any] | None) -> bool:
    """Whether the stage is in dvc.lock with a new entry, although DVC was killed afterwards.

    DVC itself cannot be asked: it takes its own killed process for a live lock holder until that is
    reaped.
    """
    if dvc_project.read_dvc_lock(folder).get(name) == before:
        return False
    (folder / ".dvc" / "tmp" / "rwlock").unlink(missing_ok=True)
    return True
