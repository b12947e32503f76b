"""Read the text, JSON and CSV files of a source; what cannot be read is one InputError, a bad CSV
line one row fault.
"""

import csv
import json
import math
import sys
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

from touchline.errors import InputError

MAX_LABEL_FILE_BYTES = 64 * 2**20  # bytes; the largest label file known to us has 4 MB


def read_text_file(file: Path) -> str:
    """Return the file's text without a byte order mark. Raises InputError if it is missing, not
    UTF-8 or larger than MAX_LABEL_FILE_BYTES.
    """
    if not file.is_file():
        raise InputError(file, "is missing", "fetch it again or take its match out")
    check_label_file_size(file)
    try:
        return file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(file, f"is not UTF-8 ({error})", "fetch it again or correct it") from error


def check_label_file_size(file: Path) -> None:
    """Raise InputError if a label file is larger than MAX_LABEL_FILE_BYTES."""
    size = file.stat().st_size
    if size > MAX_LABEL_FILE_BYTES:
        wrong = (
            f"has {size / 2**20:.0f} MiB, more than the {MAX_LABEL_FILE_BYTES // 2**20} a "
            "label file may have"
        )
        raise InputError(file, wrong, "check that this is the right file, or split it")


def load_json_file(file: Path, key: str, kind: type[list] | type[dict]) -> Any:
    """Return the value under `key`, or the whole document if `key` is empty. Raises InputError if
    the file is not valid JSON, lacks the key, or the value is not of type `kind`.
    """
    text = read_text_file(file)
    try:
        content = json.loads(text, parse_int=parse_json_int)
    except (ValueError, RecursionError) as error:  # a number of 5,000 digits; 100,000 brackets
        raise InputError(
            file, f"is not valid JSON ({error})", "fetch it again or correct it"
        ) from error
    if key and (not isinstance(content, dict) or key not in content):
        raise InputError(file, f"lacks the key {key!r}", "check that this is the right file")
    value = content[key] if key else content
    if not isinstance(value, kind):
        place = f"{file}: {key}" if key else file
        raise InputError(place, f"is not a {kind.__name__}", "check that this is the right file")
    return value


def parse_json_int(text: str) -> int | float:
    """Parse a JSON integer; one too large for a float becomes an infinite float (as 1e400 does).

    Otherwise a later `math.isfinite` or `float` would raise OverflowError.
    """
    number = int(text)
    if abs(number) <= sys.float_info.max:
        return number
    return math.inf if number > 0 else -math.inf


FIX_LINE = "correct the line or remove it"


class CsvLine:
    """One data line of a CSV file; `number` is its line number in the file, from 1, and `head` the
    column names.
    """

    def __init__(self, file: Path, number: int, text: str, head: list[str]) -> None:
        self.place, self.number = f"{file}: line {number}", number
        self.text, self.head = text, head

    def cells(self) -> dict[str, str]:
        """Return {column: stripped cell}. Raises InputError if the number of cells differs from the
        number of columns.
        """
        cells = _split_cells(self.place, self.text)
        if len(cells) != len(self.head):
            wrong = f"has {len(cells)} cells where the head has {len(self.head)}: shifted columns"
            raise InputError(self.place, wrong, FIX_LINE)
        return dict(zip(self.head, (cell.strip() for cell in cells), strict=True))


def read_csv_lines(file: Path, columns: Collection[str]) -> Iterator[CsvLine]:
    """Yield the non-blank data lines of a CSV file. Raises InputError if the header lacks one of
    `columns`.

    Every physical line is one row, even with an unclosed quote, so that a quote cannot swallow the
    lines after it.
    """
    text_lines = read_text_file(file).split("\n")
    head = [name.strip() for name in _split_cells(f"{file}: line 1", text_lines[0])]
    missing = [column for column in columns if column not in head]
    if missing:
        wrong = f"its head lacks the column {missing[0]!r}"
        raise InputError(file, wrong, "check that this is the right file")
    for number, text in enumerate(text_lines[1:], 2):
        if text.strip():
            yield CsvLine(file, number, text, head)


def _split_cells(place: str, text: str) -> list[str]:
    try:
        return next(csv.reader([text.rstrip("\r")], strict=True), [])
    except csv.Error as error:
        raise InputError(place, f"is not CSV ({error})", FIX_LINE) from error
