"""What is said on the terminal while something runs; free of DVC, Prefect and MLflow."""

import re
import sys
import time

BAR = re.compile(r".*?\d+%\|[^|]*\|[^]]*\]|.*\[A")  # tqdm's, of libraries: our lines are fewer


def say(text: str, passing: bool = False) -> None:
    """A line on the terminal; a passing one is overwritten by the next."""
    if not sys.stdout.isatty():
        sys.stdout.write(f"{text}\n")
    else:
        sys.stdout.write(f"\r\x1b[K{text}" if passing else f"\r\x1b[K{text}\n")
    sys.stdout.flush()


class Throttle:
    """Lets a thing through at most every so many seconds."""

    def __init__(self, seconds: float) -> None:
        self.seconds, self.last = seconds, -seconds

    def __call__(self) -> bool:
        now = time.monotonic()
        due = now - self.last >= self.seconds
        self.last = now if due else self.last
        return due
