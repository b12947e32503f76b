"""What candidates answered in a night, on disk: a table named by what is in it."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from touchline.errors import BadInput
from touchline.records import Trajectory, read, write

Rows = dict[str, list[Trajectory]]  # author -> one row per question
AWAY = "move it away; the next night writes anew"


def store(folder: Path, rows: Mapping[str, Sequence[Trajectory]]) -> str:
    """Write the rows below `folder`, unless they are there; the file's name."""
    every = [row for given in rows.values() for row in given]
    said = hashlib.sha256()
    for row in every:
        said.update(json.dumps([row.author, row.question, row.messages, row.score]).encode())
    file = folder / f"{said.hexdigest()[:32]}.parquet"
    if not file.is_file():
        write(file, Trajectory, every)
    return file.name


def load(file: Path) -> Rows:
    """The rows of each author; a `BadInput` when the file holds none or is no such table."""
    try:
        every = read(file, Trajectory)
    except BadInput as fault:  # no stage makes this one
        raise BadInput(file.name, fault.wrong, AWAY) from None
    if not every:
        raise BadInput(file.name, "holds no answer", AWAY)
    found: Rows = {}
    for row in every:
        found.setdefault(row.author, []).append(row)
    return found


def digest(rows: Iterable[Trajectory]) -> str:
    """Of what was answered: the same for the same answers, whatever was thought before them."""
    said = hashlib.sha256()
    for row in sorted(rows, key=lambda one: one.question):
        said.update(json.dumps([row.question, row.answer, row.score, row.valid]).encode())
    return said.hexdigest()
