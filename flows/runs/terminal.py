"""Print lines on the terminal while a command runs. Imports neither DVC nor Prefect nor MLflow."""

import re
import sys
import time

TQDM_BAR = re.compile(r".*?\d+%\|[^|]*\|[^]]*\]|.*\[A")  # tqdm's, of libraries: our lines are fewer


def print_line(text: str, passing: bool = False) -> None:
    """Print a line. On a terminal, a `passing` line (such as progress) is overwritten by the next
    one.
    """
    if not sys.stdout.isatty():
        sys.stdout.write(f"{text}\n")
    else:
        sys.stdout.write(f"\r\x1b[K{text}" if passing else f"\r\x1b[K{text}\n")
    sys.stdout.flush()


class Throttle:
    """A callable that returns True at most once every `seconds`."""

    def __init__(self, seconds: float) -> None:
        self.seconds, self.last = seconds, -seconds

    def __call__(self) -> bool:
        now = time.monotonic()
        due = now - self.last >= self.seconds
        self.last = now if due else self.last
        return due
