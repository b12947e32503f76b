"""Read a CSV file of a source line by line: each line ends as a row or as a fault of its own."""

import csv
import json
import math
import sys
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

from touchline.errors import BadInput

LARGEST = 64 * 2**20  # bytes; the largest label file known to us has 4 MB


def read(file: Path) -> str:
    """The text, without a byte order mark; `BadInput` for no file, no UTF-8 or too many bytes."""
    if not file.is_file():
        raise BadInput(file, "is missing", "fetch it again or take its match out")
    not_too_large(file)
    try:
        return file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadInput(file, f"is not UTF-8 ({error})", "fetch it again or mend it") from error


def not_too_large(file: Path) -> None:
    """A `BadInput` for a file that would fill the memory."""
    size = file.stat().st_size
    if size > LARGEST:
        wrong = (
            f"has {size / 2**20:.0f} MiB, more than the {LARGEST // 2**20} a label file may have"
        )
        raise BadInput(file, wrong, "check that this is the right file, or split it")


def load(file: Path, key: str, kind: type[list] | type[dict]) -> Any:
    """What stands under `key`, or the whole file when `key` is empty; a `BadInput` otherwise."""
    text = read(file)
    try:
        content = json.loads(text, parse_int=whole)
    except (ValueError, RecursionError) as error:  # a number of 5,000 digits; 100,000 brackets
        raise BadInput(file, f"is not valid JSON ({error})", "fetch it again or mend it") from error
    if key and (not isinstance(content, dict) or key not in content):
        raise BadInput(file, f"lacks the key {key!r}", "check that this is the right file")
    found = content[key] if key else content
    if not isinstance(found, kind):
        place = f"{file}: {key}" if key else file
        raise BadInput(place, f"is not a {kind.__name__}", "check that this is the right file")
    return found


def whole(text: str) -> int | float:
    """A whole number; infinite, as 1e400 is, where no float can hold it.

    A later `math.isfinite` or `float` would fail of it otherwise.
    """
    number = int(text)
    if abs(number) <= sys.float_info.max:
        return number
    return math.inf if number > 0 else -math.inf


MEND = "mend the line or remove it"


class Line:
    """One line of a CSV file under its head; `number` counts the lines of the file from 1."""

    def __init__(self, file: Path, number: int, text: str, head: list[str]) -> None:
        self.place, self.number = f"{file}: line {number}", number
        self.text, self.head = text, head

    def cells(self) -> dict[str, str]:
        """The cells by column; a `BadInput` when there are more or fewer than the head has."""
        cells = _split(self.place, self.text)
        if len(cells) != len(self.head):
            wrong = f"has {len(cells)} cells where the head has {len(self.head)}: shifted columns"
            raise BadInput(self.place, wrong, MEND)
        return dict(zip(self.head, (cell.strip() for cell in cells), strict=True))


def lines(file: Path, columns: Collection[str]) -> Iterator[Line]:
    """The lines below the head, blank ones left out; `BadInput` when the head lacks a column.

    A line is a row even where a quote is left open in it: else it would swallow those after it.
    """
    every = read(file).split("\n")
    head = [name.strip() for name in _split(f"{file}: line 1", every[0])]
    missing = [column for column in columns if column not in head]
    if missing:
        wrong = f"its head lacks the column {missing[0]!r}"
        raise BadInput(file, wrong, "check that this is the right file")
    for number, text in enumerate(every[1:], 2):
        if text.strip():
            yield Line(file, number, text, head)


def _split(place: str, text: str) -> list[str]:
    try:
        return next(csv.reader([text.rstrip("\r")], strict=True), [])
    except csv.Error as error:
        raise BadInput(place, f"is not CSV ({error})", MEND) from error
