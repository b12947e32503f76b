"""Start a command under the supervisor and hear, line by line, what it says."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from flows.runs import supervisor


@dataclass(frozen=True)
class Outcome:
    """How a command ended and what it took, its children included."""

    status: int
    seconds: float
    cpu_seconds: float
    peak_mib: float  # of its largest process


class Supervised:
    """A running command; `output` gives its lines, `end` stops it and all it started."""

    def __init__(
        self, argv: Sequence[str], folder: Path, env: Mapping[str, str], keep: Sequence[int] = ()
    ) -> None:
        """`keep`: file descriptors (of a lock) that stay open until the last process is gone."""
        self.began = time.monotonic()
        report, write = os.pipe()
        self.process = subprocess.Popen(
            [sys.executable, "-I", supervisor.__file__, str(write), *argv],
            cwd=folder,
            env=dict(env),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # a signal to the terminal's group must not take it along
            pass_fds=(write, *keep),
        )
        os.close(write)
        self.report = os.fdopen(report)
        self.group = int(self.report.readline())
        self.outcome: Outcome | None = None
        self.reaper = threading.Thread(target=self._reap, daemon=True)
        self.reaper.start()

    def _reap(self) -> None:
        """Wait; should the supervisor itself be killed, the command's group goes here."""
        status = self.process.wait()
        if status < 0:  # otherwise the group is gone, and its number may be another's by now
            with suppress(ProcessLookupError):
                os.killpg(self.group, signal.SIGKILL)
        spent = time.monotonic() - self.began
        with self.report:
            cpu, peak = (self.report.readline() or "0 0").split()
        self.outcome = Outcome(status, spent, float(cpu), int(peak) / 1024)

    def output(self) -> Iterator[str]:
        """The lines it writes, until it ends."""
        assert self.process.stdout
        for line in self.process.stdout:
            yield line.decode(errors="replace").rstrip()

    def ask(self) -> Outcome:
        """Let it end in its own time, within seconds."""
        self.process.terminate()
        self.reaper.join()
        return self.end()

    def end(self) -> Outcome:
        """Stop it if it still runs; returns when nothing of it is left."""
        assert self.process.stdin
        self.process.stdin.close()
        self.reaper.join()
        assert self.outcome
        return self.outcome

    def alive(self) -> bool:
        return self.outcome is None


def run(
    argv: Sequence[str],
    folder: Path,
    env: Mapping[str, str],
    say: Callable[[str], None],
    keep: Sequence[int] = (),
) -> Outcome:
    """Run to the end, handing every line of output to `say`."""
    job = Supervised(argv, folder, env, keep)
    try:
        for line in job.output():
            say(line)
        job.reaper.join()
    finally:
        outcome = job.end()
    return outcome
