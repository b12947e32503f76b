"""Show how far a long job is: a bar in a terminal, plain lines a program can read elsewhere."""

import re
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Self, TypeVar

from tqdm import tqdm

EVERY = 3.0  # seconds between two plain lines
LINE = re.compile(
    r"(?P<what>\S+) (?P<done>\d+)(?:/(?P<total>\d+) (?P<percent>\d+)%)? (?P<spent>\d+(?::\d\d)+)"
    r"(?: left (?P<left>[\d:]+))?(?: (?P<note>.*))?"
)

Item = TypeVar("Item")


@dataclass(frozen=True)
class Line:
    """A progress line read back; `total` is None where nobody knew it."""

    what: str
    done: int
    total: int | None
    percent: int | None


class Progress:
    """Progress of one job; `what` is one word, such as `sft`.

    Writes to standard error: `sft 120/300 40% 1:02 left 1:33 loss 0.31`. The first line comes
    after `EVERY` seconds, so a short job says one line, at its end.
    """

    def __init__(self, what: str, total: int | None = None) -> None:
        self.what, self.total, self.done, self.note = what, total, 0, ""
        self.began = self.said = time.monotonic()
        self.skipped = 0
        self.bar = tqdm(desc=what, total=total, dynamic_ncols=True) if sys.stderr.isatty() else None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: object, trace: TracebackType | None
    ) -> None:
        if self.bar is not None:
            self.bar.close()
        elif kind is None:
            self._say()

    def start_at(self, done: int) -> None:
        """Say how much an earlier attempt did, so that it does not count as speed."""
        self.skipped = self.done = done
        if self.bar is not None:
            self.bar.initial = self.bar.n = done

    def step(self, note: str = "") -> None:
        self.to(self.done + 1, note)

    def to(self, done: int, note: str = "") -> None:
        """`done` of the total is finished; `note` says how it goes, e.g. `loss 0.31`."""
        self.done, self.note = done, note or self.note
        if self.bar is not None:
            self.bar.set_postfix_str(self.note, refresh=False)
            self.bar.update(done - self.bar.n)
        elif time.monotonic() - self.said >= EVERY:
            self._say()

    def _say(self) -> None:
        self.said = time.monotonic()
        sys.stderr.write(f"{self.line(self.said - self.began)}\n")
        sys.stderr.flush()

    def line(self, spent: float) -> str:
        """The plain line after `spent` seconds."""
        if not self.total:
            return " ".join(filter(None, [self.what, str(self.done), _clock(spent), self.note]))
        parts = [self.what, f"{self.done}/{self.total}", f"{100 * self.done // self.total}%"]
        parts.append(_clock(spent))
        if self.skipped < self.done < self.total:
            left = spent * (self.total - self.done) / (self.done - self.skipped)
            parts.append(f"left {_clock(left)}")
        return " ".join([*parts, *filter(None, [self.note])])


def track(items: Iterable[Item], what: str, total: int | None = None) -> Iterator[Item]:
    """Hand the items on and show how many are done."""
    if total is None and hasattr(items, "__len__"):
        total = len(items)  # type: ignore[arg-type]
    with Progress(what, total) as progress:
        for item in items:
            yield item
            progress.step()


def read_line(text: str) -> Line | None:
    """Read a plain line back, or None when the text is none."""
    found = LINE.fullmatch(text.strip())
    if not found:
        return None
    total, percent = (int(found[n]) if found[n] else None for n in ("total", "percent"))
    return Line(found["what"], int(found["done"]), total, percent)


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
