"""The record of a run: its request, code, parameters, stages and result, as JSON in
.touchline/runs/.
"""

import json
import platform
import re
import secrets
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from importlib import metadata
from pathlib import Path, PurePosixPath
from typing import Any, Literal

import psutil
from pydantic import BaseModel, ValidationError, field_validator

from touchline.atomic import atomic_file
from touchline.errors import InputError

RECORDED_PACKAGES = (
    "dvc",
    "mlflow",
    "numpy",
    "prefect",
    "torch",
    "transformers",
    "trl",
    "peft",
    "av",
)

RUN_ID = re.compile(r"\d{8}-\d{6}-[0-9a-f]{6}")

RunState = Literal["running", "completed", "failed", "killed"]
StageOutcome = Literal["Ran", "Restored", "Unchanged", "Failed"]


class TrackedFile(BaseModel):
    """An input or product file: path in the project, DVC's MD5, size in bytes, and
    licence terms.
    """

    path: str
    md5: str
    size: int
    terms: str = ""  # open, request or nda, by its terms.json; "" where it has none


class StageRecord(BaseModel):
    """One stage of a run: its outcome, cost, inputs, parameters, products and metrics."""

    state: StageOutcome
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    peak_mib: float = 0.0
    needs: list[str] = []
    inputs: list[TrackedFile] = []
    params: dict[str, Any] = {}
    products: list[TrackedFile] = []
    metrics: dict[str, Any] = {}
    error: str = ""


class RunRecord(BaseModel):
    """One run, from the request to the scores. Contains no values of environment variables."""

    id: str
    state: RunState = "running"
    started: str
    ended: str = ""
    command: list[str]
    preset: str | None = None
    overrides: dict[str, Any] = {}
    commit: str
    difference: str = ""  # sha256 of the patch that a dirty tree adds to `commit`
    patch: str = ""
    params: dict[str, Any] = {}
    stages: dict[str, StageRecord] = {}
    error: str = ""
    versions: dict[str, str] = {}
    hardware: dict[str, Any] = {}
    flow_run: str = ""  # Prefect's id
    tracking_run: str = ""  # MLflow's id
    pid: int = 0
    remote: str = ""  # the shared store that has its products
    unsent: str = ""  # why it has them not
    withdrawn: dict[str, list[str]] = {}  # tombstone -> products that went with it

    @field_validator("id")
    @classmethod
    def _check_id(cls, id: str) -> str:
        """Reject ids that are not plain file names: records may come from another clone, and files
        are written and removed by id.
        """
        if PurePosixPath(id).name != id:
            raise ValueError("is not a plain name")
        return id

    @field_validator("stages")
    @classmethod
    def _check_paths(cls, stages: dict[str, StageRecord]) -> dict[str, StageRecord]:
        paths = [file.path for done in stages.values() for file in done.products]
        for name in map(PurePosixPath, [*stages, *paths]):
            if name.is_absolute() or ".." in name.parts:
                raise ValueError("a name leads out of the project")
        return stages

    @property
    def products(self) -> list[TrackedFile]:
        """The products of all stages, in stage order."""
        return [file for done in self.stages.values() for file in done.products]

    @property
    def withdrawn_paths(self) -> set[str]:
        """Paths of products that were withdrawn and must not be used any more."""
        return {path for paths in self.withdrawn.values() for path in paths}

    def count_stages(self, state: StageOutcome) -> int:
        return sum(stage.state == state for stage in self.stages.values())


def get_utc_timestamp() -> str:
    """The current UTC time in ISO format, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def create_run_id() -> str:
    """A new run id that sorts by time: date, time, fraction of the second in 1/65536, and a random
    byte.
    """
    time = datetime.now(UTC)
    return f"{time:%Y%m%d-%H%M%S}-{time.microsecond * 65536 // 10**6:04x}{secrets.token_hex(1)}"


def get_runs_folder(root: Path) -> Path:
    """Folder of the run records and worktrees."""
    return root / ".touchline" / "runs"


def write_run_record(root: Path, record: RunRecord) -> None:
    """Write a run's record to .touchline/runs/ID.json, atomically."""
    with atomic_file(get_runs_folder(root) / f"{record.id}.json") as draft:
        draft.write_text(record.model_dump_json(indent=2) + "\n")


def list_runs(root: Path) -> list[RunRecord]:
    """All runs, oldest first: those of this checkout and those fetched with `refs/runs/`. An
    unreadable record is skipped with one warning.
    """
    files = get_runs_folder(root).glob("*.json")
    here = {path.stem: path.read_text(encoding="utf-8", errors="replace") for path in files}
    texts = {**dict(read_ref_records(root, skip=set(here))), **here}
    return [record for id in sorted(texts) if (record := _parse_or_warn(id, texts[id]))]


def _parse_or_warn(id: str, text: str) -> RunRecord | None:
    try:
        return RunRecord.model_validate_json(text)
    except ValidationError as error:
        wrong = f"is not a record of a run that this Touchline knows ({error.error_count()} faults)"
        remedy = "it is passed over; update Touchline, or move it away"
        _warn_once(str(InputError(f".touchline/runs/{id}.json", wrong, remedy)))
        return None


@cache
def _warn_once(sentence: str) -> None:
    sys.stderr.write(f"{sentence}\n")


def parse_run_record(text: str, id: str) -> RunRecord:
    """Parse a record read from git. Raises an input error if it is invalid."""
    try:
        return RunRecord.model_validate_json(text)
    except ValidationError as error:
        wrong = f"its record is none ({error.error_count()} faults)"
        raise InputError(f"refs/runs/{id}", wrong, "fetch it anew, or remove the ref") from None


def read_ref_records(root: Path, skip: set[str]) -> Iterator[tuple[str, str]]:
    """(id, JSON text) of the records in `refs/runs/` whose ids are not in `skip`."""
    lines = _git(root, "for-each-ref", "--format=%(refname)", "refs/runs/").splitlines()
    ids = [id for id in (line.removeprefix("refs/runs/") for line in lines) if id not in skip]
    if not ids:
        return
    stdin = "".join(f"refs/runs/{id}:run.json\n" for id in ids).encode()
    command = ["git", "cat-file", "--batch"]  # one process for all of them
    output = subprocess.run(command, cwd=root, input=stdin, capture_output=True, check=True).stdout
    for id in ids:
        head, output = output.split(b"\n", 1)
        if head.endswith(b" missing"):
            continue
        size = int(head.rsplit(b" ", 1)[1])
        yield id, output[:size].decode()
        output = output[size + 1 :]


def find_run(root: Path, run_id: str) -> RunRecord:
    """The run with this id or unique id prefix; `latest` is the last one. Raises an input error if
    there is not exactly one.
    """
    records = list_runs(root)
    matching = [r for r in records if r.id.startswith(run_id)]
    if run_id == "latest":
        matching = records[-1:]
    if len(matching) != 1:
        wrong = "there is no run yet" if not records else f"{len(matching)} runs have this id"
        raise InputError(run_id, wrong, "`touchline runs` lists them")
    return matching[0]


def read_package_versions() -> dict[str, str]:
    """{package: version} of Python and of the packages that affect results; packages not installed
    are left out.
    """
    installed = {d.name.lower(): d.version for d in metadata.distributions() if d.name}
    return {"python": platform.python_version()} | {
        p: installed[p] for p in RECORDED_PACKAGES if p in installed
    }


def detect_hardware() -> dict[str, Any]:
    """Machine type, operating system, CPU cores, memory in MiB and the NVIDIA GPUs."""
    command = ["nvidia-smi", "--query-gpu=name,memory.total", "--format=csv,noheader"]
    try:
        gpus = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split(
            "\n"
        )
    except (OSError, subprocess.CalledProcessError):
        gpus = []
    return {
        "machine": platform.machine(),
        "system": f"{platform.system()} {platform.release()}",
        "cores": psutil.cpu_count(),
        "memory_mib": psutil.virtual_memory().total // 2**20,
        "gpus": [gpu for gpu in gpus if gpu],
    }


def _git(root: Path, *args: str) -> str:
    return subprocess.run(
        ["git", *args], cwd=root, capture_output=True, text=True, check=True
    ).stdout


def format_json(value: Any) -> str:
    """Indented JSON, keys in their given order."""
    return json.dumps(value, indent=2, sort_keys=False)


def locate_nights_folder(root: Path) -> Path:
    """The folder of the night records below the project root."""
    return root / ".touchline" / "nights"
