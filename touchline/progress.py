"""Show how far a long job is: a bar in a terminal, plain lines a program can read elsewhere."""

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
    """A progress line read back; `total` is None where nobody knew it."""

    label: str
    done: int
    total: int | None
    percent: int | None


class ProgressReporter:
    """Progress of one job; `what` is one word, such as `sft`.

    Writes to standard error: `sft 120/300 40% 1:02 left 1:33 loss 0.31`. The first line comes
    after `EVERY` seconds, so a short job says one line, at its end.
    """

    def __init__(self, what: str, total: int | None = None) -> None:
        self.label, self.total, self.done, self.note = what, total, 0, ""
        self.started_at = self.last_line_at = time.monotonic()
        self.done_before = 0
        self.bar = tqdm(desc=what, total=total, dynamic_ncols=True) if sys.stderr.isatty() else None

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
        """Say how much an earlier attempt did, so that it does not count as speed."""
        self.done_before = self.done = done
        if self.bar is not None:
            self.bar.initial = self.bar.n = done

    def step(self, note: str = "") -> None:
        self.advance_to(self.done + 1, note)

    def advance_to(self, done: int, note: str = "") -> None:
        """`done` of the total is finished; `note` says how it goes, e.g. `loss 0.31`."""
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
        """The plain line after `spent` seconds."""
        if not self.total:
            return " ".join(
                filter(None, [self.label, str(self.done), _format_duration(spent), self.note])
            )
        parts = [self.label, f"{self.done}/{self.total}", f"{100 * self.done // self.total}%"]
        parts.append(_format_duration(spent))
        if self.done_before < self.done < self.total:
            left = spent * (self.total - self.done) / (self.done - self.done_before)
            parts.append(f"left {_format_duration(left)}")
        return " ".join([*parts, *filter(None, [self.note])])


def track_progress(items: Iterable[Item], what: str, total: int | None = None) -> Iterator[Item]:
    """Hand the items on and show how many are done."""
    if total is None and hasattr(items, "__len__"):
        total = len(items)  # type: ignore[arg-type]
    with ProgressReporter(what, total) as progress:
        for item in items:
            yield item
            progress.step()


def parse_progress_line(text: str) -> ProgressLine | None:
    """Read a plain line back, or None when the text is none."""
    found = PROGRESS_LINE_PATTERN.fullmatch(text.strip())
    if not found:
        return None
    total, percent = (int(found[n]) if found[n] else None for n in ("total", "percent"))
    return ProgressLine(found["what"], int(found["done"]), total, percent)


def _format_duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
