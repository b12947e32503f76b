"""Progress of long jobs: a tqdm bar in a terminal, otherwise plain lines that `parse_progress_line`
can read.
"""

import re
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Self, TypeVar

from tqdm import tqdm

LINE_INTERVAL = 3.0  # seconds between two plain lines
PROGRESS_LINE_PATTERN = re.compile(
    r"(?P<what>\S+) (?P<done>\d+)(?:/(?P<total>\d+) (?P<percent>\d+)%)? (?P<spent>\d+(?::\d\d)+)"
    r"(?: left (?P<left>[\d:]+))?(?: (?P<note>.*))?"
)

Item = TypeVar("Item")


@dataclass(frozen=True)
class ProgressLine:
    """A parsed progress line; `total` and `percent` are None if the total was not known."""

    label: str
    done: int
    total: int | None
    percent: int | None


class ProgressReporter:
    """Progress of one job on standard error; `label` is one word, such as `sft`.

    Without a terminal it prints lines such as `sft 120/300 40% 1:02 left 1:33 loss 0.31`, one per
    LINE_INTERVAL seconds and one at the end.
    """

    def __init__(self, label: str, total: int | None = None) -> None:
        self.label, self.total, self.done, self.note = label, total, 0, ""
        self.started_at = self.last_line_at = time.monotonic()
        self.done_before = 0
        self.bar = (
            tqdm(desc=label, total=total, dynamic_ncols=True) if sys.stderr.isatty() else None
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: object, trace: TracebackType | None
    ) -> None:
        if self.bar is not None:
            self.bar.close()
        elif kind is None:
            self._print_line()

    def start_at(self, done: int) -> None:
        """Set how much an earlier attempt finished; it is left out of the estimate of the remaining
        time.
        """
        self.done_before = self.done = done
        if self.bar is not None:
            self.bar.initial = self.bar.n = done

    def step(self, note: str = "") -> None:
        self.advance_to(self.done + 1, note)

    def advance_to(self, done: int, note: str = "") -> None:
        """Report that `done` items are finished; `note` is shown behind the numbers, e.g. `loss
        0.31`.
        """
        self.done, self.note = done, note or self.note
        if self.bar is not None:
            self.bar.set_postfix_str(self.note, refresh=False)
            self.bar.update(done - self.bar.n)
        elif time.monotonic() - self.last_line_at >= LINE_INTERVAL:
            self._print_line()

    def _print_line(self) -> None:
        self.last_line_at = time.monotonic()
        sys.stderr.write(f"{self.format_line(self.last_line_at - self.started_at)}\n")
        sys.stderr.flush()

    def format_line(self, spent: float) -> str:
        """The plain progress line after `spent` seconds."""
        if not self.total:
            return " ".join(
                filter(None, [self.label, str(self.done), _format_duration(spent), self.note])
            )
        parts = [self.label, f"{self.done}/{self.total}", f"{100 * self.done // self.total}%"]
        parts.append(_format_duration(spent))
        if self.done_before < self.done < self.total:
            seconds_left = spent * (self.total - self.done) / (self.done - self.done_before)
            parts.append(f"left {_format_duration(seconds_left)}")
        return " ".join([*parts, *filter(None, [self.note])])


def track_progress(items: Iterable[Item], label: str, total: int | None = None) -> Iterator[Item]:
    """Iterate over `items` and report progress under `label`."""
    if total is None and hasattr(items, "__len__"):
        total = len(items)  # type: ignore[arg-type]
    with ProgressReporter(label, total) as progress:
        for item in items:
            yield item
            progress.step()


def parse_progress_line(text: str) -> ProgressLine | None:
    """Parse a plain progress line; None if the text is not one."""
    match = PROGRESS_LINE_PATTERN.fullmatch(text.strip())
    if not match:
        return None
    total, percent = (int(match[n]) if match[n] else None for n in ("total", "percent"))
    return ProgressLine(match["what"], int(match["done"]), total, percent)


def _format_duration(seconds: float) -> str:
    minutes, remaining_seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return (
        f"{hours}:{minutes:02d}:{remaining_seconds:02d}"
        if hours
        else f"{minutes}:{remaining_seconds:02d}"
    )
