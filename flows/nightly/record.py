"""What is written down about a night, and in which order nights are read back."""

from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ValidationError

from touchline.atomic import whole_file
from touchline.errors import BadInput

State = Literal["running", "completed", "failed", "killed"]
Scores = dict[str, dict[str, dict[str, float]]]  # task -> metric -> {value, low, high, n}


class Model(BaseModel):
    """A model by its digest, and the run that made it."""

    name: str  # RUN/ARTIFACT
    run: str
    path: str  # in the project: data/rl
    md5: str


class Candidate(BaseModel):
    """What a night found out about one model."""

    model: Model
    answers: str = ""  # digest of the answers
    file: str = ""  # name below .touchline/nights/answers
    scores: Scores = {}
    overall: dict[str, float] = {}  # {value, low, high, n}: the mean of the headline metrics
    floors: dict[str, dict[str, float]] = {}  # the same of the model on black frames and the like
    failed: int = 0  # questions that it broke down at; asked again next night
    verdicts: list[str] = []  # in plain sentences
    regression: str = ""  # the sentence, where it is worse beyond its interval
    promoted: bool = False
    rulings: list[dict[str, Any]] = []  # of the gate; none where it was not asked
    decision: str = ""
    evidence: str = ""  # name below .touchline/gate
    error: str = ""  # why it could not be evaluated


class Night(BaseModel):
    """One night, from its start to its alerts."""

    id: str
    state: State = "running"
    started: str
    ended: str = ""
    pid: int = 0
    commit: str = ""
    benchmark: dict[str, Any] = {}  # run, digest, questions, matches
    champion: Model | None = None  # before the gate
    champion_after: Model | None = None
    candidates: dict[str, Candidate] = {}  # the champion's too, by the model's name
    newest: str = ""  # the name of the newest challenger
    floors: dict[str, Scores] = {}
    floors_file: str = ""  # name below .touchline/nights/answers
    sentence: str = ""
    alerts: list[dict[str, str]] = []  # about, sentence, outcome
    page: str = ""  # the evaluation's page, below .touchline/nights
    error: str = ""
    flow_run: str = ""
    tracking_run: str = ""
    untold: str = ""  # why MLflow knows nothing of it


def folder(root: Path) -> Path:
    return root / ".touchline" / "nights"


def write(root: Path, night: Night) -> None:
    with whole_file(folder(root) / f"{night.id}.json") as draft:
        draft.write_text(night.model_dump_json(indent=1) + "\n")


def every(root: Path) -> list[Night]:
    """All nights, the oldest first."""
    return [_read(file) for file in sorted(folder(root).glob("*.json"))]


def last(root: Path) -> Night | None:
    """The last night that was completed."""
    done = [night for night in every(root) if night.state == "completed"]
    return done[-1] if done else None


def _read(file: Path) -> Night:
    try:
        return Night.model_validate_json(file.read_text())
    except ValidationError as error:
        wrong = f"is no record of a night ({error.error_count()} faults)"
        raise BadInput(file, wrong, "move it away") from None
