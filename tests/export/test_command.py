"""A recorded run's model comes out of DVC's cache as a folder to give, or is refused in words."""

import hashlib
import json
import subprocess
from pathlib import Path

import pytest

from flows import cli
from flows.runs import record
from flows.runs.overrides import read_yaml_mapping
from flows.runs.record import RunRecord, StageRecord, TrackedFile
from tests.export.conftest import PARAMS
from tests.export.test_folder import SCORES, build_model
from tests.flows.nightly.project import keep
from touchline.evaluation.test_set import EvalSet
from touchline.export.card import check_model_card


def cached(root: Path, data: bytes, kind: str = "") -> str:
    """Keep bytes as DVC does, by their md5."""
    md5 = hashlib.md5(data, usedforsecurity=False).hexdigest() + kind
    path = root / ".dvc" / "cache" / "files" / "md5" / md5[:2] / md5[2:]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return md5


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout with the record of a run whose products lie in the cache alone."""
    model = build_model(tmp_path / "rl")
    root = tmp_path / "checkout"
    subprocess.run(["git", "init", "-q", root], check=True)
    files = [path for path in sorted(model.iterdir()) if path.is_file()]
    rows = [{"md5": cached(root, path.read_bytes()), "relpath": path.name} for path in files]
    digest = cached(root, json.dumps(rows).encode(), ".dir")
    made = StageRecord(state="Ran", products=[TrackedFile(path="data/rl", md5=digest, size=1)])
    stages = {"rl": made, "evaluate": StageRecord(state="Ran", metrics=SCORES)}
    when = "2026-01-01T10:00:00+00:00"
    run = RunRecord(id="20260101-100000-aaaa", started=when, command=[], commit="c0ffee")
    record.write_run_record(root, run.model_copy(update={"state": "completed", "stages": stages}))
    monkeypatch.chdir(root)
    return root


def typed(*words: str) -> int | str | None:
    with pytest.raises(SystemExit) as end:
        cli.main(["export", *words])
    return end.value.code


def test_the_latest_runs_model_comes_out_whole_with_its_lineage(
    checkout: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert typed("latest", "-o", str(tmp_path / "out")) == 0
    assert "no tasks for lmms-eval: " in capsys.readouterr().err
    same = (tmp_path / "out" / "model.safetensors").read_bytes()
    assert same == (tmp_path / "rl" / "model.safetensors").read_bytes()
    said = json.loads((tmp_path / "out" / "evaluation" / "lineage.json").read_text())
    assert (said["run"], said["commit"]) == ("20260101-100000-aaaa", "c0ffee")
    check_model_card(tmp_path / "out")


def test_the_runs_test_questions_come_along_as_tasks_unless_unwanted(
    checkout: Path, bench: EvalSet, tmp_path: Path
) -> None:
    run = record.find_run(checkout, "latest")
    folders = {"clips": bench.clips, "captions": bench.captions, "questions": bench.questions}
    folders["frames"] = bench.frames
    made = [
        TrackedFile(path=f"data/{name}", md5=keep(checkout, folder), size=1)
        for name, folder in folders.items()
    ]
    stages = {**run.stages, "ask": StageRecord(state="Ran", products=made)}
    record.write_run_record(
        checkout, run.model_copy(update={"stages": stages, "params": read_yaml_mapping(PARAMS)})
    )
    assert typed("latest", "-o", str(tmp_path / "out")) == 0
    names = {path.name for path in (tmp_path / "out/lmms_eval").iterdir()}
    assert {"touchline_tasks.py", "touchline_spotting.yaml", "spotting.parquet"} <= names
    assert "lmms_eval/spotting.parquet" in json.loads((tmp_path / "out/digests.json").read_text())
    assert "touchline_spotting" in (tmp_path / "out/README.md").read_text()
    check_model_card(tmp_path / "out")
    assert typed("latest", "--no-tasks", "-o", str(tmp_path / "bare")) == 0
    assert not (tmp_path / "bare/lmms_eval").exists()


def test_what_a_run_has_not_made_or_the_cache_not_kept_is_refused_in_words(
    checkout: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert typed("latest", "--stage", "sft", "-o", str(tmp_path / "out")) == 2
    assert "has made no data/sft" in capsys.readouterr().err
    for path in (checkout / ".dvc" / "cache").rglob("*.dir"):
        path.unlink()
    assert typed("latest", "-o", str(tmp_path / "out")) == 2
    assert "is not in DVC's cache" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
