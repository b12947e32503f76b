"""`touchline audit` and `diff` on the toy project."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from flows.audit import collect, diff, rerun, subject
from flows.audit.check import check_audit_folder
from flows.runs import dvc_project, past_run, record
from flows.runs.record import RunRecord
from tests.flows.conftest import Toy
from tests.flows.past_runs import past as ran
from touchline.errors import InputError

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]  # DVC itself makes the project first


@pytest.fixture
def one(made: Toy) -> RunRecord:
    return ran(made)


def test_an_audit_of_a_run_is_sound_on_another_machine(
    made: Toy, one: RunRecord, tmp_path: Path
) -> None:
    out = collect.create_audit_folder(made.root, "latest", None)
    assert out == made.root / ".touchline" / "audit" / one.id
    elsewhere = shutil.copytree(out, tmp_path / "elsewhere")
    shutil.rmtree(made.root)
    assert (
        check_audit_folder(elsewhere)[0] == [] and collect.verify_audit_folder(elsewhere, None) == 0
    )
    page = (elsewhere / "index.html").read_text()
    for word in ("data/model", one.id, one.commit, "guess", "energy"):
        assert word in page
    assert "seed: 7" in (elsewhere / "params.yaml").read_text()
    with (elsewhere / "run.json").open("r+b") as file:
        file.write(b"[")
    assert collect.verify_audit_folder(elsewhere, None) == 1


def test_a_model_and_a_metric_lead_to_the_run_behind_them(made: Toy, one: RunRecord) -> None:
    (model,) = [f for f in one.stages["train"].products if f.path == "data/model"]
    for name in ("data/model", "model", model.md5, model.md5.removesuffix(".dir")):
        found, asked = subject.resolve_audit_target(made.root, name)
        assert found.id == one.id
        assert asked == {"kind": "model", "name": "data/model", "md5": model.md5}
    for name in ("guess.accuracy", "toy.guess.accuracy"):
        found, asked = subject.resolve_audit_target(made.root, name)
        assert found.id == one.id and asked["kind"] == "metric" and asked["n"] == 3


def test_what_is_known_nowhere_is_refused_in_a_sentence(made: Toy, one: RunRecord) -> None:
    with pytest.raises(
        InputError, match="nonsense: is not a run, model or metric that is known here"
    ):
        subject.resolve_audit_target(made.root, "nonsense")
    keep = made.root / "notes"
    keep.mkdir()
    with pytest.raises(InputError, match="is there and no audit folder; name another"):
        collect.create_audit_folder(made.root, "latest", keep)


def test_a_run_whose_objects_were_collected_is_audited_with_what_is_left(
    made: Toy, one: RunRecord, tmp_path: Path
) -> None:
    (rows,) = [f for f in one.stages["make"].products if f.path == "data/rows"]
    cache = dvc_project.read_cache_dir(made.root)
    (cache / "files" / "md5" / rows.md5[:2] / rows.md5[2:]).unlink()
    out = collect.create_audit_folder(made.root, one.id, tmp_path / "out")
    assert check_audit_folder(out)[0] == []
    assert json.loads((out / "missing.json").read_text()) == ["data/rows"]
    assert "Not in the cache any more" in (out / "index.html").read_text()


def test_after_dvc_gc_an_old_run_is_audited_with_what_is_left_and_the_new_one_is_whole(
    made: Toy, one: RunRecord, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(made.root)
    params = made.root / "params.yaml"
    params.write_text(params.read_text().replace("rows: 3", "rows: 4"))
    for words in ("repro -q", "gc --workspace --force -q"):
        command = ["dvc", *words.split()]
        subprocess.run(command, cwd=made.root, env=made.environment(), check=True)
    made.git("commit", "-qam", "Four rows")
    two = ran(made)
    with pytest.raises(InputError, match="is not in the cache any more"):
        rerun.verify_past_run(one.id, "train", 1e-6, environment=False)
    for run, lost in ((one, ["data/rows"]), (two, [])):
        out = collect.create_audit_folder(made.root, run.id, tmp_path / run.id)
        assert check_audit_folder(out)[0] == []
        assert json.loads((out / "missing.json").read_text()) == lost
        assert bool(lost) == ("Not in the cache any more" in (out / "index.html").read_text())


def test_two_runs_that_claim_one_id_are_told_apart_by_nobody(made: Toy, one: RunRecord) -> None:
    other = one.model_copy(update={"started": "2020-01-01T00:00:00+00:00"})
    record.write_run_record(made.root, other)
    with pytest.raises(InputError, match="two runs claim this id: one began 2020-01-01"):
        past_run.find_past_run(made.root, one.id)


def test_a_run_without_its_ref_cannot_be_played_again(made: Toy, one: RunRecord) -> None:
    made.git("update-ref", "-d", f"refs/runs/{one.id}")
    with pytest.raises(InputError, match=f"git has no refs/runs/{one.id} here; fetch it"):
        past_run.resolve_run_ref(made.root, one)


def test_a_difference_is_told_in_words(made: Toy, one: RunRecord) -> None:
    two = ran(made, "judge.seed=8")
    two.stages["make"].products[0].md5 = "0" * 32
    two.stages["make"].products[0].size += 1
    score = two.stages["judge"].metrics["candidates"]["toy"]["guess"]["accuracy"]
    score["value"], score["low"] = 0.5, 0.4
    two.versions, two.hardware = {"python": "3.12.1"}, {"cores": 4}
    said = diff.format_run_diff(diff.compare_runs(made.root, one, two))
    for line in (
        "  judge.seed: 7 -> 8",
        "  data/metrics/make.json: ",
        "  python: 3.11.2 -> 3.12.1",
        "  cores: 2 -> 4",
        "  toy.guess.accuracy: ",
    ):
        assert f"\n{line}" in said
    assert "-> 0.500 (0.400 to 1.000)" in said
    same = diff.format_run_diff(diff.compare_runs(made.root, one, one))
    assert same.endswith("nothing that is recorded differs\n")
