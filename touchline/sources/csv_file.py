"""Read a CSV file of a source line by line: each line ends as a row or as a fault of its own."""

import csv
from collections.abc import Collection, Iterator
from pathlib import Path

from touchline.faults import BadInput
from touchline.sources import text_file

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
    every = text_file.read(file).split("\n")
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
