"""The gate's evidence on disk: written before the alias moves, so that no kill parts the two.

One JSON file per decision. `decided` says that the alias is to move; `done` that it has. Whoever
holds the gate's lock next finishes or gives up what a killed one had decided.
"""

import hashlib
import json
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel

from touchline.atomic import whole_file

State = Literal["refused", "decided", "done", "abandoned"]


class Evidence(BaseModel):
    """A decision with all that it rests on."""

    id: str
    night: str
    at: str  # when, UTC
    state: State
    model: dict[str, str]  # name, run, path, md5
    champion: dict[str, str]  # the same of the one before; {} where there was none
    benchmark: str  # digest
    answers: dict[str, str]  # whose -> digest of the rows
    looked: str  # what was compared: the same again is no new look
    gate: dict[str, Any]  # the parameters
    case: dict[str, Any]  # the numbers
    rulings: list[dict[str, Any]]
    sentence: str
    version: str = ""  # of the registered model
    commit: str = ""


def looked(benchmark: str, ours: str, theirs: str = "") -> str:
    """The name of a comparison: of these answers, on this benchmark."""
    return hashlib.sha256(" ".join((benchmark, ours, theirs)).encode()).hexdigest()


def write(folder: Path, evidence: Evidence) -> Path:
    """`ID.json` in the folder, whole or not at all."""
    file = folder / f"{evidence.id}.json"
    with whole_file(file) as draft:
        draft.write_text(evidence.model_dump_json(indent=1) + "\n")
    return file


def every(folder: Path) -> list[Evidence]:
    """All decisions, the oldest first."""
    found = [json.loads(file.read_text()) for file in folder.glob("*.json")]
    return sorted((Evidence.model_validate(one) for one in found), key=lambda one: one.id)


def looks(folder: Path, benchmark: str, but: str) -> int:
    """How many different comparisons with a champion this benchmark has served, `but` this one."""
    used = {one.looked for one in every(folder) if one.benchmark == benchmark and one.champion}
    return len(used - {but})


def seal(evidence: Evidence) -> str:
    """The digest of what was decided and why; how far the deed has come is left out of it."""
    text = evidence.model_dump_json(exclude={"state", "version"})
    return hashlib.sha256(text.encode()).hexdigest()
