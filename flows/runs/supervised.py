"""Start a command under the supervisor process and read its output line by line."""

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
class ProcessOutcome:
    """Exit status of a command, with wall seconds, CPU seconds and peak memory, child processes
    included.
    """

    status: int
    seconds: float
    cpu_seconds: float
    peak_mib: float  # of its largest process


class SupervisedProcess:
    """A running command under the supervisor. Iterate `output()` for its lines; `stop()` ends it
    and every process that it started.
    """

    def __init__(
        self,
        argv: Sequence[str],
        folder: Path,
        env: Mapping[str, str],
        inherited_fds: Sequence[int] = (),
    ) -> None:
        """Start `argv` in `folder`. The file descriptors in `inherited_fds` (such as locks) stay
        open until the last process of the command has ended.
        """
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
            pass_fds=(write, *inherited_fds),
        )
        os.close(write)
        self.report = os.fdopen(report)
        self.group = int(self.report.readline())
        self.outcome: ProcessOutcome | None = None
        self.reaper = threading.Thread(target=self._reap, daemon=True)
        self.reaper.start()

    def _reap(self) -> None:
        """Wait for the supervisor. If the supervisor itself was killed, kill the command's process
        group here.
        """
        status = self.process.wait()
        if status < 0:  # otherwise the group is gone, and its number may be another's by now
            with suppress(ProcessLookupError):
                os.killpg(self.group, signal.SIGKILL)
        elapsed = time.monotonic() - self.began
        with self.report:
            cpu, peak = (self.report.readline() or "0 0").split()
        self.outcome = ProcessOutcome(status, elapsed, float(cpu), int(peak) / 1024)

    def output(self) -> Iterator[str]:
        """The lines it writes, until it ends."""
        assert self.process.stdout
        for line in self.process.stdout:
            yield line.decode(errors="replace").rstrip()

    def terminate(self) -> ProcessOutcome:
        """Send SIGTERM, give the command some seconds to end, and return its outcome."""
        self.process.terminate()
        self.reaper.join()
        return self.stop()

    def stop(self) -> ProcessOutcome:
        """Stop the command if it still runs. Returns its outcome once no process of it is left."""
        assert self.process.stdin
        self.process.stdin.close()
        self.reaper.join()
        assert self.outcome
        return self.outcome

    def is_alive(self) -> bool:
        return self.outcome is None


def run_supervised(
    argv: Sequence[str],
    folder: Path,
    env: Mapping[str, str],
    handle_line: Callable[[str], None],
    inherited_fds: Sequence[int] = (),
) -> ProcessOutcome:
    """Run a command to its end, passing each output line to `handle_line`. Returns its outcome; an
    exception stops the command.
    """
    job = SupervisedProcess(argv, folder, env, inherited_fds)
    try:
        for line in job.output():
            handle_line(line)
        job.reaper.join()
    finally:
        outcome = job.stop()
    return outcome
