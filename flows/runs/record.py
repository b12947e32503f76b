"""What is written down about a run: who asked for what, from which code, what became of it."""

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

from touchline.atomic import whole_file
from touchline.errors import BadInput

PACKAGES = ("dvc", "mlflow", "numpy", "prefect", "torch", "transformers", "trl", "peft", "av")

ID = re.compile(r"\d{8}-\d{6}-[0-9a-f]{6}")

State = Literal["running", "completed", "failed", "killed"]
Fate = Literal["Ran", "Restored", "Unchanged", "Failed"]


class File(BaseModel):
    """An input or a product: its path in the project, DVC's digest of it, and its terms."""

    path: str
    md5: str
    size: int
    terms: str = ""  # open, request or nda, by its terms.json; "" where it has none


class StageRecord(BaseModel):
    """What one stage of a run did, read and made."""

    state: Fate
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    peak_mib: float = 0.0
    needs: list[str] = []
    inputs: list[File] = []
    params: dict[str, Any] = {}
    products: list[File] = []
    metrics: dict[str, Any] = {}
    error: str = ""


class Record(BaseModel):
    """One run, from the request to the scores. Holds no environment variable's value."""

    id: str
    state: State = "running"
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
    def _plain(cls, id: str) -> str:
        """A record may come from another clone; by its names files are written and removed."""
        if PurePosixPath(id).name != id:
            raise ValueError("is no plain name")
        return id

    @field_validator("stages")
    @classmethod
    def _inside(cls, stages: dict[str, StageRecord]) -> dict[str, StageRecord]:
        paths = [file.path for done in stages.values() for file in done.products]
        for name in map(PurePosixPath, [*stages, *paths]):
            if name.is_absolute() or ".." in name.parts:
                raise ValueError("a name leads out of the project")
        return stages

    @property
    def products(self) -> list[File]:
        """What its stages have made, in their order."""
        return [file for done in self.stages.values() for file in done.products]

    @property
    def gone(self) -> set[str]:
        """Paths of the products that were withdrawn: nothing may be made of them any more."""
        return {path for paths in self.withdrawn.values() for path in paths}

    def count(self, state: Fate) -> int:
        return sum(stage.state == state for stage in self.stages.values())


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def fresh_id() -> str:
    """Sorts by time, within a second too: the tail is its 65,536th part, then a draw."""
    time = datetime.now(UTC)
    return f"{time:%Y%m%d-%H%M%S}-{time.microsecond * 65536 // 10**6:04x}{secrets.token_hex(1)}"


def folder(root: Path) -> Path:
    return root / ".touchline" / "runs"


def write(root: Path, record: Record) -> None:
    with whole_file(folder(root) / f"{record.id}.json") as draft:
        draft.write_text(record.model_dump_json(indent=2) + "\n")


def every(root: Path) -> list[Record]:
    """All runs, the oldest first: those of this checkout and those fetched with `refs/runs/`.

    One that cannot be read is named once and passed over: the others go on.
    """
    files = folder(root).glob("*.json")
    here = {path.stem: path.read_text(encoding="utf-8", errors="replace") for path in files}
    texts = {**dict(fetched(root, skip=set(here))), **here}
    return [one for id in sorted(texts) if (one := _read(id, texts[id]))]


def _read(id: str, text: str) -> Record | None:
    try:
        return Record.model_validate_json(text)
    except ValidationError as error:
        wrong = f"is no record of a run that this Touchline knows ({error.error_count()} faults)"
        remedy = "it is passed over; update Touchline, or move it away"
        _name(str(BadInput(f".touchline/runs/{id}.json", wrong, remedy)))
        return None


@cache
def _name(sentence: str) -> None:
    sys.stderr.write(f"{sentence}\n")


def parsed(text: str, id: str) -> Record:
    """The record that git keeps of a run; a `BadInput` for what is none."""
    try:
        return Record.model_validate_json(text)
    except ValidationError as error:
        wrong = f"its record is none ({error.error_count()} faults)"
        raise BadInput(f"refs/runs/{id}", wrong, "fetch it anew, or remove the ref") from None


def fetched(root: Path, skip: set[str]) -> Iterator[tuple[str, str]]:
    """Id and text of the records that only git has."""
    lines = _git(root, "for-each-ref", "--format=%(refname)", "refs/runs/").splitlines()
    ids = [id for id in (line.removeprefix("refs/runs/") for line in lines) if id not in skip]
    if not ids:
        return
    asked = "".join(f"refs/runs/{id}:run.json\n" for id in ids).encode()
    ask = ["git", "cat-file", "--batch"]  # one process for all of them
    said = subprocess.run(ask, cwd=root, input=asked, capture_output=True, check=True).stdout
    for id in ids:
        head, said = said.split(b"\n", 1)
        if head.endswith(b" missing"):
            continue
        size = int(head.rsplit(b" ", 1)[1])
        yield id, said[:size].decode()
        said = said[size + 1 :]


def find(root: Path, wanted: str) -> Record:
    """The run of this id (or of its only continuation), `latest` for the last one."""
    records = every(root)
    found = [r for r in records if r.id.startswith(wanted)]
    if wanted == "latest":
        found = records[-1:]
    if len(found) != 1:
        wrong = "there is no run yet" if not records else f"{len(found)} runs have this id"
        raise BadInput(wanted, wrong, "`touchline runs` lists them")
    return found[0]


def versions() -> dict[str, str]:
    """Of the packages that decide what comes out; those not installed are left out."""
    known = {d.name.lower(): d.version for d in metadata.distributions() if d.name}
    return {"python": platform.python_version()} | {p: known[p] for p in PACKAGES if p in known}


def hardware() -> dict[str, Any]:
    """Processor, cores, memory and CUDA devices."""
    ask = ["nvidia-smi", "--query-gpu=name,memory.total", "--format=csv,noheader"]
    try:
        gpus = subprocess.run(ask, capture_output=True, text=True, check=True).stdout.split("\n")
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


def as_json(value: Any) -> str:
    return json.dumps(value, indent=2, sort_keys=False)
