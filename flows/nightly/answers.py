"""Answers of a night's candidates on disk: Parquet tables named by a digest of their content."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from touchline.errors import InputError
from touchline.records.table import read_records, write_records
from touchline.records.trajectory import Trajectory

AnswersByAuthor = dict[str, list[Trajectory]]  # author -> one row per question
MOVE_AWAY_REMEDY = "move it away; the next night writes anew"


def store_night_answers(folder: Path, rows: Mapping[str, Sequence[Trajectory]]) -> str:
    """Write the rows below `folder`, unless the same are there. Returns the file's name."""
    all_rows = [row for author_rows in rows.values() for row in author_rows]
    hasher = hashlib.sha256()
    for row in all_rows:
        hasher.update(json.dumps([row.author, row.question, row.messages, row.score]).encode())
    file = folder / f"{hasher.hexdigest()[:32]}.parquet"
    if not file.is_file():
        write_records(file, Trajectory, all_rows)
    return file.name


def load_night_answers(file: Path) -> AnswersByAuthor:
    """Load answers as {author: rows}. Raises `InputError` if the file is empty or not
    such a table.
    """
    try:
        all_rows = read_records(file, Trajectory)
    except InputError as fault:  # no stage makes this one
        raise InputError(file.name, fault.wrong, MOVE_AWAY_REMEDY) from None
    if not all_rows:
        raise InputError(file.name, "holds no answer", MOVE_AWAY_REMEDY)
    rows_by_author: AnswersByAuthor = {}
    for row in all_rows:
        rows_by_author.setdefault(row.author, []).append(row)
    return rows_by_author


def digest_night_answers(rows: Iterable[Trajectory]) -> str:
    """sha256 of the answers: question, answer, score and validity. Reasoning text does
    not count.
    """
    hasher = hashlib.sha256()
    for row in sorted(rows, key=lambda answer: answer.question):
        hasher.update(json.dumps([row.question, row.answer, row.score, row.valid]).encode())
    return hasher.hexdigest()
