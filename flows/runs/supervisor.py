"""Run a command so that nothing of it outlives whoever asked for it, however that one dies.

Started as a script with a pipe as standard input. The pipe closes when its other end dies, even
by `kill -9`; then the command's whole process group goes. Into a second pipe go the command's
process id, so that the other end can do the same should this process die, and at the end the CPU
seconds and the peak memory.
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
HASTE = 0.5  # seconds between asking and killing once the owner is dead: all is gone within 2
KINDNESS = 10.0  # the same when somebody asked: a server may want to write things down


def main(report: int, argv: list[str]) -> int:
    """Run `argv` and report to that descriptor.

    Returns its exit status, 128 + N when signal N ended it, 143 when it was stopped.
    """
    me = os.getpid()
    ctypes.CDLL(None).prctl(ADOPT, 1)  # orphans become our children: we can end and reap them
    stop, asked = threading.Event(), threading.Event()
    for sign in (signal.SIGTERM, signal.SIGINT):
        signal.signal(sign, lambda *_: asked.set())
    child = subprocess.Popen(
        argv, stdin=subprocess.DEVNULL, start_new_session=True, preexec_fn=lambda: die_with(me)
    )
    os.write(report, b"%d\n" % child.pid)
    threading.Thread(target=wait_for_end_of_input, args=(stop,), daemon=True).start()
    while child.poll() is None and not asked.is_set() and not stop.wait(0.1):
        pass
    status = child.poll()
    end_group(child, asked.is_set(), stop)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    os.write(report, b"%f %d\n" % (used.ru_utime + used.ru_stime, used.ru_maxrss))
    if status is None:
        return 143
    return status if status >= 0 else 128 - status


def die_with(parent: int) -> None:
    """In the child: be killed when `parent` is, even by `kill -9`."""
    ctypes.CDLL(None).prctl(PARENT_DIED, signal.SIGKILL)
    if os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGKILL)


def wait_for_end_of_input(stop: threading.Event) -> None:
    while os.read(0, 4096):
        pass
    stop.set()


def end_group(child: "subprocess.Popen[bytes]", kindly: bool, stop: threading.Event) -> None:
    """Ask the group to end, then kill what is left of it; at once if the command has ended."""
    if child.poll() is None and signal_group(child, signal.SIGTERM):
        until = time.monotonic() + (KINDNESS if kindly else HASTE)
        while time.monotonic() < until and signal_group(child, 0):
            if kindly and stop.is_set():  # now the owner has died as well
                until, kindly = min(until, time.monotonic() + HASTE), False
            time.sleep(0.02)
    while signal_group(child, signal.SIGKILL) or kill_strays():
        time.sleep(0.02)


def signal_group(child: "subprocess.Popen[bytes]", sign: int) -> bool:
    """Whether anybody was there to hear it."""
    if child.poll() is not None:
        reap()  # a dead orphan that nobody reaps would count as alive
    try:
        os.killpg(child.pid, sign)
    except ProcessLookupError:
        return False
    return True


def kill_strays() -> bool:
    """End what left the group; whether there was any."""
    reap()
    strays = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    for pid in strays:
        os.kill(int(pid), signal.SIGKILL)  # ours and not reaped yet: it cannot be another's
    return bool(strays)


def reap() -> None:
    """Only once the command itself has been waited for."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        return


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), sys.argv[2:]))
