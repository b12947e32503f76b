"""The JSON record of a nightly run: `.touchline/nights/ID.json`, one per night."""

from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ValidationError

from flows.runs.record import locate_nights_folder
from flows.runs.run_model import RunModel
from touchline.atomic import atomic_file
from touchline.errors import InputError

NightState = Literal["running", "completed", "failed", "killed"]
TaskScores = dict[str, dict[str, dict[str, float]]]  # task -> metric -> {value, low, high, n}


class NightCandidate(BaseModel):
    """Results of one model in a night."""

    model: RunModel
    answers: str = ""  # digest of the answers
    file: str = ""  # name below .touchline/nights/answers
    scores: TaskScores = {}
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


class NightRecord(BaseModel):
    """One nightly run, from its start to its alerts."""

    id: str
    state: NightState = "running"
    started: str
    ended: str = ""
    pid: int = 0
    commit: str = ""
    benchmark: dict[str, Any] = {}  # run, digest, questions, matches
    champion: RunModel | None = None  # before the gate
    champion_after: RunModel | None = None
    candidates: dict[str, NightCandidate] = {}  # the champion's too, by the model's name
    newest: str = ""  # the name of the newest challenger
    floors: dict[str, TaskScores] = {}
    floors_file: str = ""  # name below .touchline/nights/answers
    sentence: str = ""
    alerts: list[dict[str, str]] = []  # about, sentence, outcome
    page: str = ""  # the evaluation's page, below .touchline/nights
    error: str = ""
    flow_run: str = ""
    tracking_run: str = ""
    untold: str = ""  # why MLflow knows nothing of it


def write_night_record(root: Path, night: NightRecord) -> None:
    """Write the night's record atomically."""
    with atomic_file(locate_nights_folder(root) / f"{night.id}.json") as draft:
        draft.write_text(night.model_dump_json(indent=1) + "\n")


def list_night_records(root: Path) -> list[NightRecord]:
    """All nights, the oldest first. Raises `InputError` for an invalid record."""
    return [_read_night_record(file) for file in sorted(locate_nights_folder(root).glob("*.json"))]


def find_last_completed_night(root: Path) -> NightRecord | None:
    """The last completed night, or None."""
    done = [night for night in list_night_records(root) if night.state == "completed"]
    return done[-1] if done else None


def _read_night_record(file: Path) -> NightRecord:
    try:
        return NightRecord.model_validate_json(file.read_text())
    except ValidationError as error:
        wrong = f"is not a record of a night ({error.error_count()} faults)"
        raise InputError(file, wrong, "move it away") from None
