"""Look on while a reader reads: what it raises, writes and starts, and how long it takes."""

import os
import resource
import signal
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from touchline.errors import InputError

WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
PATHS = {  # audit event -> (argument with a path that changes, argument with the folder it is in)
    "os.mkdir": ((0, 2),),
    "os.rename": ((0, 2), (1, 3)),
    "os.remove": ((0, 1),),
    "os.rmdir": ((0, 1),),
    "os.link": ((1, 3),),
    "os.symlink": ((1, 2),),
    "os.truncate": ((0, None),),
}
NEVER = ("subprocess.Popen", "os.system", "os.exec", "os.fork", "socket.connect")
LONGEST = 5.0  # CPU seconds of one case; a reader of 64 MiB may take some, none here is so large
HANGS = 20  # CPU seconds after which a case is broken off
SENTENCE = 10_000  # letters of a fault; a value of the file may be quoted in it, shortened


@dataclass
class Seen:
    """What a number of cases came to."""

    ends: Counter = field(default_factory=Counter)  # success, InputError
    wrong: list[str] = field(default_factory=list)  # a sentence per violation
    slowest: float = 0.0  # CPU seconds
    cpu: float = 0.0
    grown: float = 0.0  # MiB by which the process grew


class Watch:
    """An audit hook: it cannot be taken off, so there is one, and it can look away."""

    def __init__(self) -> None:
        self.inside: Path | None = None
        self.found: list[str] = []
        sys.addaudithook(self)

    def __call__(self, event: str, args: tuple[Any, ...]) -> None:
        if self.inside is None:
            return
        if event == "open" and isinstance(args[2], int) and args[2] & WRITES:
            self._check(event, args[0], -1)
        for at, above in PATHS.get(event, ()):
            self._check(event, args[at], -1 if above is None else args[above])
        if event in NEVER:
            self.found.append(f"{event} {args!r:.200}")

    def _check(self, event: str, path: Any, above: int) -> None:
        if not isinstance(path, str | bytes | os.PathLike):
            return  # an open descriptor
        place = Path(f"/proc/self/fd/{above}").readlink() if above >= 0 else Path()
        whole = Path(os.path.realpath(place / os.fsdecode(path)))
        if self.inside not in (whole, *whole.parents) and str(whole) != os.devnull:
            self.found.append(f"{event} outside: {str(whole)[:200]}")

    @contextmanager
    def over(self, folder: Path) -> Iterator[list[str]]:
        """Hold all that happens in the block to this folder."""
        self.found, self.inside = [], Path(os.path.realpath(folder))
        try:
            yield self.found
        finally:
            self.inside = None


WATCH: list[Watch] = []


class Hang(BaseException):
    """Raised by the alarm: no reader catches it."""


def alarmed(_sign: int, _frame: object) -> None:
    raise Hang


def tried(case: str, door: Callable[[], object], folder: Path, seen: Seen) -> None:
    """Open the door once and judge how that ended."""
    if not WATCH:
        WATCH.append(Watch())
    began, before = time.process_time(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    signal.signal(signal.SIGPROF, alarmed)
    signal.setitimer(signal.ITIMER_PROF, HANGS)
    with WATCH[0].over(folder) as found:
        try:
            door()
            end = "success"
        except InputError as fault:
            end = "InputError"
            if len(str(fault)) > SENTENCE:
                seen.wrong.append(f"{case}: a sentence of {len(str(fault))} letters")
        except Hang:
            end = f"still running after {HANGS} CPU s"
        except BaseException as error:
            place = traceback.extract_tb(error.__traceback__)[-1]
            ours = [
                f for f in traceback.extract_tb(error.__traceback__) if "touchline/" in f.filename
            ]
            at = " < ".join(f"{Path(f.filename).name}:{f.lineno}" for f in [place, *ours[:-3:-1]])
            end = f"{type(error).__name__}: {str(error)[:120]!r} at {at}"
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)
    spent = time.process_time() - began
    seen.ends[end if end in ("success", "InputError") else "other"] += 1
    seen.cpu, seen.slowest = seen.cpu + spent, max(seen.slowest, spent)
    seen.grown += (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    wrong = [end] if end not in ("success", "InputError") else []
    wrong += found + ([f"{spent:.1f} CPU s"] if spent > LONGEST else [])
    seen.wrong += [f"{case}: {one}" for one in wrong]
