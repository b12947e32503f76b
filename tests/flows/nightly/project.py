"""A checkout with runs whose products lie in DVC's cache, made without training anything."""

import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from flows.runs import overrides
from flows.runs import record as runs
from flows.runs.record import RunRecord, StageRecord, TrackedFile

REPOSITORY = Path(__file__).parents[3]
CARRIED = (".dvc/config", ".dvc/.gitignore", ".dvcignore", "dvc.yaml", "params.yaml", ".gitignore")
MAKERS = {"manifest": "download", "clips": "chunk", "captions": "caption", "frames": "chunk"}
MAKERS |= {"questions": "ask", "trajectories": "distill", "rl": "rl"}


def plant(root: Path) -> Path:
    """An empty project in a git checkout of its own."""
    for name in CARRIED:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(REPOSITORY / name, root / name)
    (root / ".touchline").mkdir()
    for words in (["init", "-q", "-b", "main"], ["add", "-A"], ["commit", "-qm", "Project"]):
        who = ["-c", "user.name=toy", "-c", "user.email=toy@localhost"]
        subprocess.run(["git", *who, *words], cwd=root, check=True)
    return root


def keep(root: Path, folder: Path) -> str:
    """Put a folder into DVC's cache as DVC does; its digest."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    listed = [
        {"md5": _put(root, path.read_bytes()), "relpath": path.relative_to(folder).as_posix()}
        for path in files
    ]
    listed.sort(key=lambda one: one["relpath"])
    return _put(root, json.dumps(listed, sort_keys=True).encode(), ".dir")


def _put(root: Path, data: bytes, tail: str = "") -> str:
    md5 = hashlib.md5(data).hexdigest() + tail
    file = root / ".dvc" / "cache" / "files" / "md5" / md5[:2] / md5[2:]
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(data)
    return md5


def run(
    root: Path, id: str, folders: Mapping[str, Path], params: Mapping[str, Any] | None = None
) -> RunRecord:
    """A completed run that made these products: name below `data/` -> a folder with it."""
    commit = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=root, capture_output=True, text=True, check=True
    ).stdout.strip()
    given = overrides.read_yaml_mapping(root / "params.yaml")
    record = RunRecord(
        id=id,
        state="completed",
        started=runs.get_utc_timestamp(),
        ended=runs.get_utc_timestamp(),
        command=[],
        commit=commit,
        params={**given, **(params or {})},
    )
    for name, folder in folders.items():
        done = record.stages.setdefault(MAKERS[name], StageRecord(state="Ran"))
        done.products.append(TrackedFile(path=f"data/{name}", md5=keep(root, folder), size=0))
    runs.write_run_record(root, record)
    return record


def environment() -> dict[str, str]:
    """Nothing of whoever runs the tests, but the way to Python."""
    out = ("PREFECT_", "MLFLOW_", "TOUCHLINE_", "DVC_", "GIT_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(out)}
    return {**kept, "PYTHONPATH": str(REPOSITORY)}
