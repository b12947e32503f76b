"""Log of promotion decisions: one JSON file each, written before the champion alias moves, so that
an interrupted decision can be finished.

State `decided` means that the alias has to move, `done` that it has. The next holder of the
decision lock finishes or abandons a decision that was interrupted.
"""

import hashlib
import json
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel

from touchline.atomic import atomic_file

DecisionState = Literal["refused", "decided", "done", "abandoned"]


class DecisionRecord(BaseModel):
    """A promotion decision with everything that it is based on."""

    id: str
    night: str
    at: str  # when, UTC
    state: DecisionState
    model: dict[str, str]  # name, run, path, md5
    champion: dict[str, str]  # the same of the one before; {} where there was none
    benchmark: str  # digest
    answers: dict[str, str]  # whose -> digest of the rows
    looked: str  # what was compared: the same again is not a new look
    gate: dict[str, Any]  # the parameters
    case: dict[str, Any]  # the numbers
    rulings: list[dict[str, Any]]
    sentence: str
    version: str = ""  # of the registered model
    commit: str = ""


def digest_comparison(benchmark: str, answers: str, champion_answers: str = "") -> str:
    """Digest that identifies a comparison: the candidate's and the champion's answers on one
    benchmark.
    """
    return hashlib.sha256(" ".join((benchmark, answers, champion_answers)).encode()).hexdigest()


def write_decision_record(folder: Path, evidence: DecisionRecord) -> Path:
    """Write the record atomically as `ID.json` in `folder` and return its path."""
    file = folder / f"{evidence.id}.json"
    with atomic_file(file) as draft:
        draft.write_text(evidence.model_dump_json(indent=1) + "\n")
    return file


def list_decision_records(folder: Path) -> list[DecisionRecord]:
    """All decisions in `folder`, the oldest first."""
    records = [json.loads(file.read_text()) for file in folder.glob("*.json")]
    return sorted(
        (DecisionRecord.model_validate(record) for record in records), key=lambda record: record.id
    )


def count_comparisons(folder: Path, benchmark: str, excluded: str) -> int:
    """Number of different comparisons with a champion made on this benchmark, without the
    comparison `excluded`.
    """
    used = {
        record.looked
        for record in list_decision_records(folder)
        if record.benchmark == benchmark and record.champion
    }
    return len(used - {excluded})


def digest_decision_record(evidence: DecisionRecord) -> str:
    """sha256 of a decision without its progress (`state`, `version`)."""
    text = evidence.model_dump_json(exclude={"state", "version"})
    return hashlib.sha256(text.encode()).hexdigest()
