"""Run a command so that none of its processes outlives the process that started it, however that
dies.

Started as a script with a pipe as standard input. The pipe closes when the owner dies, even by
`kill -9`; then the command's whole process group is killed. A second pipe reports the command's
process id (so that the owner can kill the group if this process dies), and at the end the CPU
seconds and peak memory in KiB.
"""

import ctypes
import os
import resource
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

PARENT_DIED, ADOPT = 1, 36  # PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER
OWNER_DEAD_GRACE = (
    0.5  # seconds between asking and killing once the owner is dead: all is gone within 2
)
TERMINATE_GRACE = 10.0  # the same when somebody asked: a server may want to write things down


def main(report: int, argv: list[str]) -> int:
    """Run `argv` and report to the file descriptor `report`.

    Returns its exit status, 128 + N if signal N ended it, 143 if it was stopped.
    """
    me = os.getpid()
    ctypes.CDLL(None).prctl(ADOPT, 1)  # orphans become our children: we can end and reap them
    owner_gone, stop_requested = threading.Event(), threading.Event()
    for sign in (signal.SIGTERM, signal.SIGINT):
        signal.signal(sign, lambda *_: stop_requested.set())
    child = subprocess.Popen(
        argv,
        stdin=subprocess.DEVNULL,
        start_new_session=True,
        preexec_fn=lambda: die_with_parent(me),
    )
    os.write(report, b"%d\n" % child.pid)
    threading.Thread(target=wait_for_end_of_input, args=(owner_gone,), daemon=True).start()
    while child.poll() is None and not stop_requested.is_set() and not owner_gone.wait(0.1):
        pass
    status = child.poll()
    end_group(child, stop_requested.is_set(), owner_gone)
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    os.write(report, b"%f %d\n" % (usage.ru_utime + usage.ru_stime, usage.ru_maxrss))
    if status is None:
        return 143
    return status if status >= 0 else 128 - status


def die_with_parent(parent: int) -> None:
    """In the child process: be killed when `parent` dies, even by `kill -9`."""
    ctypes.CDLL(None).prctl(PARENT_DIED, signal.SIGKILL)
    if os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGKILL)


def wait_for_end_of_input(owner_gone: threading.Event) -> None:
    """Read standard input to its end, then set the event: the owner has died or closed the pipe."""
    while os.read(0, 4096):
        pass
    owner_gone.set()


def end_group(
    child: "subprocess.Popen[bytes]", requested: bool, owner_gone: threading.Event
) -> None:
    """Send SIGTERM to the command's process group, then SIGKILL to what is left after the grace
    period.
    """
    if child.poll() is None and signal_group(child, signal.SIGTERM):
        until = time.monotonic() + (TERMINATE_GRACE if requested else OWNER_DEAD_GRACE)
        while time.monotonic() < until and signal_group(child, 0):
            if requested and owner_gone.is_set():  # now the owner has died as well
                until, requested = min(until, time.monotonic() + OWNER_DEAD_GRACE), False
            time.sleep(0.02)
    while signal_group(child, signal.SIGKILL) or kill_strays():
        time.sleep(0.02)


def signal_group(child: "subprocess.Popen[bytes]", sign: int) -> bool:
    """Send a signal to the command's process group. Returns whether any process received it."""
    if child.poll() is not None:
        reap_children()  # a dead orphan that nobody reaps would count as alive
    try:
        os.killpg(child.pid, sign)
    except ProcessLookupError:
        return False
    return True


def kill_strays() -> bool:
    """Kill child processes that left the process group. Returns whether there were any."""
    reap_children()
    strays = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    for pid in strays:
        os.kill(int(pid), signal.SIGKILL)  # ours and not reaped yet: it cannot be another's
    return bool(strays)


def reap_children() -> None:
    """Reap dead child processes. Call only after the command itself has been waited for."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        return


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), sys.argv[2:]))
