"""The answers of one candidate on disk: row by row while they come, one Parquet file at the end."""

import hashlib
import json
import os
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

from touchline.faults import BadInput
from touchline.records import Trajectory, read, write


def part(file: Path) -> Path:
    """Where rows wait while a candidate is still being asked."""
    return file.with_suffix(".part.jsonl")


def resumed(file: Path) -> list[Trajectory]:
    """The rows that an earlier attempt wrote whole; a torn last line is cut off."""
    if not part(file).is_file():
        return []
    text = part(file).read_bytes()
    whole = text[: text.rfind(b"\n") + 1]
    if whole != text:
        with part(file).open("r+b") as stream:
            stream.truncate(len(whole))
    return [Trajectory(**json.loads(line)) for line in whole.splitlines()]


def append(file: Path, rows: Iterable[Trajectory]) -> None:
    """Add rows so that a kill afterwards does not lose them."""
    part(file).parent.mkdir(parents=True, exist_ok=True)
    with part(file).open("ab") as stream:
        for row in rows:
            stream.write(json.dumps(asdict(row)).encode() + b"\n")
        stream.flush()
        os.fsync(stream.fileno())


def close(file: Path, rows: list[Trajectory]) -> None:
    """All rows are there: make the file and let the draft go."""
    write(file, Trajectory, rows)
    part(file).unlink(missing_ok=True)


def load(file: Path, author: str) -> list[Trajectory]:
    """One author's rows; a `BadInput` when the file has none or is no such table."""
    try:
        rows = [row for row in read(file, Trajectory) if row.author == author]
    except BadInput:
        raise
    except (OSError, ValueError, KeyError, TypeError) as error:  # pyarrow's faults are such
        wrong = f"is no table of answers ({' '.join(str(error).split())[:120]})"
        raise BadInput(file.name, wrong, "delete it; the next night asks again") from None
    if not rows:
        raise BadInput(file.name, f"holds no answer of {author}", "delete it and ask again")
    return rows


def digest(rows: Iterable[Trajectory]) -> str:
    """Of what was answered: the same for the same answers, whatever the file is like."""
    said = hashlib.sha256()
    for row in sorted(rows, key=lambda one: one.question):
        said.update(json.dumps([row.question, row.answer, row.score, row.valid]).encode())
    return said.hexdigest()
