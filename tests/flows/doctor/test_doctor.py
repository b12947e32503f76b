"""`touchline doctor` finds what is wrong, says what to do, and mends what is safe to mend."""

import json
import os
import shutil
import sqlite3
import subprocess
import time
from pathlib import Path

import pytest

from flows import doctor
from flows.doctor import kept, left, machine, services
from flows.doctor.finding import DoctorFinding
from flows.runs import dvc_project, locks, record
from flows.runs.record import RunRecord
from flows.store import remote
from tests.flows.conftest import Toy


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith(("PREFECT_", "MLFLOW_", "TOUCHLINE_", "AWS_", "HF_TOKEN")):
            monkeypatch.delenv(name)


def states(found: list[DoctorFinding]) -> dict[str, str]:
    return {one.about: one.state for one in found}


def finished(toy: Toy) -> RunRecord:
    """The record of a run that made what lies here."""
    steps = [step.name for step in dvc_project.plan_steps(toy.root, None, False)]
    run = RunRecord(
        id=record.create_run_id(), started=record.get_utc_timestamp(), command=[], commit="0" * 40
    )
    run.stages = {name: dvc_project.describe_stage(toy.root, name, "Ran") for name in steps}
    run.state, run.ended = "completed", record.get_utc_timestamp()
    record.write_run_record(toy.root, run)
    return run


def test_a_cache_that_lacks_or_falsifies_an_object_is_named(made: Toy) -> None:
    run, cache = finished(made), dvc_project.read_cache_dir(made.root)
    assert states(list(kept.examine_run_products(made.root, False))) == {
        "runs": "ok",
        "cache": "ok",
    }
    digest = next(f.md5 for f in run.stages["judge"].products if f.path == "data/report.html")
    file = cache / "files" / "md5" / digest[:2] / digest[2:]
    file.chmod(0o644)
    file.write_text("one bit flipped")
    for full in (False, True):
        bad = [one for one in kept.examine_run_products(made.root, full) if one.state == "broken"]
        assert len(bad) == 1 and digest[2:] in bad[0].sentence and bad[0].remedy
    file.unlink()
    bad = [one for one in kept.examine_run_products(made.root, False) if one.state == "broken"]
    assert run.id in bad[0].sentence and "touchline pull" in bad[0].remedy


def test_a_ref_whose_objects_were_collected_is_named(toy: Toy) -> None:
    head = toy.git("rev-parse", "HEAD")
    toy.git("update-ref", "refs/runs/20260101-000000-abcdef", head)  # a commit without a record
    (found,) = [kept.check_run_refs(toy.root)]
    assert found.state == "broken" and "20260101-000000-abcdef" in found.sentence


def test_what_the_dead_left_is_found_and_cleared_away(
    toy: Toy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOUCHLINE_CHECKPOINTS", str(toy.root / ".touchline" / "checkpoints"))
    gone = subprocess.Popen(["true"])
    gone.wait()
    run = RunRecord(
        id=record.create_run_id(), started=record.get_utc_timestamp(), command=[], commit="0" * 40
    )
    record.write_run_record(toy.root, run)
    lost = toy.root / ".touchline" / "tree"
    toy.git("worktree", "add", "--detach", "-q", str(lost))
    shutil.rmtree(lost)
    notes = toy.root / ".dvc" / "tmp" / "rwlock"
    notes.parent.mkdir(parents=True, exist_ok=True)
    notes.write_text(json.dumps({"write": {"data": {"pid": gone.pid, "cmd": "dvc repro"}}}))
    (toy.root / "data" / f".rows.{gone.pid}.part").mkdir()
    (toy.root / "data" / f".mine.{os.getpid()}.part").touch()
    old = toy.root / ".touchline" / "checkpoints" / "train" / "key"
    old.mkdir(parents=True)
    os.utime(old, (0, 0))
    found = list(left.examine_leftovers(toy.root, False))
    worse = {one.about for one in found if one.state != "ok"}
    assert worse == {"run", "worktrees", "locks", "drafts", "checkpoints"}
    assert all(one.fix for one in found if one.state != "ok")
    assert all(doctor._apply_fix(one).state == "ok" for one in found)
    assert {one.state for one in left.examine_leftovers(toy.root, False)} == {"ok"}
    assert record.find_run(toy.root, run.id).state == "killed"
    assert (toy.root / "data" / f".mine.{os.getpid()}.part").exists()


def test_while_a_run_is_going_nothing_of_it_is_called_dead(toy: Toy) -> None:
    run = RunRecord(
        id=record.create_run_id(), started=record.get_utc_timestamp(), command=[], commit="0" * 40
    )
    record.write_run_record(toy.root, run)
    with locks.hold_lock(toy.root):
        found = list(left.examine_leftovers(toy.root, False))
    assert {one.state for one in found} == {"ok"}
    assert str(os.getpid()) in found[0].sentence


def test_a_process_whose_run_is_gone_is_named_and_not_killed(toy: Toy) -> None:
    env = {**os.environ, "TOUCHLINE_ROOT": str(toy.root)}
    with subprocess.Popen(["sleep", "600"], env=env) as orphan:
        (found,) = left.check_orphan_processes(toy.root)
        assert found.state == "broken" and str(orphan.pid) in found.sentence and not found.fix
        assert orphan.poll() is None
        orphan.kill()
    assert list(left.check_orphan_processes(toy.root)) == []


def test_a_damaged_database_is_named_and_a_busy_one_is_no_fault(tmp_path: Path) -> None:
    file = tmp_path / "prefect.db"
    with sqlite3.connect(file) as db:
        db.execute("create table a (b)")
        db.executemany("insert into a values (?)", [("x" * 1000,)] * 100)
    db.close()
    assert services._check_sqlite("prefect", file).state == "ok"
    data = bytearray(file.read_bytes())
    data[4096:8192] = b"\xff" * 4096
    file.write_bytes(bytes(data))
    assert services._check_sqlite("prefect", file).state == "broken"
    file.write_bytes(b"no database at all" * 100)
    assert services._check_sqlite("prefect", file).state == "broken"


def test_services_that_do_not_answer_are_broken_and_no_password_is_shown(
    toy: Toy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PREFECT_API_URL", "http://me:topsecret@127.0.0.1:9/api")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "postgresql+psycopg://me:topsecret@127.0.0.1:9/m")
    monkeypatch.setenv(remote.REMOTE_VARIABLE, "/no/such/folder")
    found = list(services.examine_services(toy.root, False))
    assert {k: v for k, v in states(found).items() if v == "broken"} == {
        "prefect": "broken",
        "mlflow": "broken",
        "store": "broken",
    }
    assert "topsecret" not in doctor.format_doctor_findings(
        found
    ) + doctor.format_doctor_findings_json(found)
    assert all(one.remedy for one in found if one.state != "ok")


def test_credentials_are_asked_for_by_name_and_never_shown(
    toy: Toy, monkeypatch: pytest.MonkeyPatch
) -> None:
    params = toy.root / "params.yaml"
    params.write_text(f"{params.read_text()}\ndownload: {{sources: {{soccernet: {{}}}}}}\n")
    (found,) = services.check_source_credentials(toy.root)
    assert found.state == "warning" and "HF_TOKEN or SOCCERNET_PASSWORD" in found.sentence
    monkeypatch.setenv("SOCCERNET_PASSWORD", "topsecret")
    (found,) = services.check_source_credentials(toy.root)
    assert found.state == "ok" and "topsecret" not in found.sentence


def test_a_clock_that_jumped_back_is_told_by_the_runs_and_by_the_disk(
    toy: Toy, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = RunRecord(
        id="20990101-000000-abcdef", started="2099-01-01T00:00:00+00:00", command=[], commit="0"
    )
    record.write_run_record(toy.root, run)
    found = list(machine.check_clock_skew(toy.root))
    assert [one.state for one in found] == ["ok", "warning"] and run.id in found[1].sentence
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now - 3600)
    assert next(iter(machine.check_clock_skew(toy.root))).state == "broken"


def test_packages_are_held_against_the_lock(toy: Toy) -> None:
    (toy.root / "requirements.lock").write_text("# made\ndvc==0.0.1\nruamel_yaml==0\nno-such==1\n")
    found = machine.check_installed_packages(toy.root)
    assert found.state == "warning" and "no-such missing (lock: 1)" in found.sentence
    assert "dvc 3." in found.sentence and "ruamel-yaml" in found.sentence


def test_the_command_says_all_of_it_and_its_exit_status_is_the_worst(
    toy: Toy, capsys: pytest.CaptureFixture[str]
) -> None:
    assert doctor.run_doctor(toy.root, full=False, fix=False, as_json=True) == 0
    rows = json.loads(capsys.readouterr().out)
    about = {row["about"] for row in rows}
    assert about >= {"disk", "python", "packages", "gpu", "clock", "store", "prefect", "mlflow"}
    assert all(set(row) == {"about", "state", "sentence", "remedy", "fixable"} for row in rows)
    (toy.root / ".touchline" / "prefect").mkdir()
    (toy.root / ".touchline" / "prefect" / "prefect.db").write_bytes(b"torn" * 1000)
    assert doctor.run_doctor(toy.root, full=False, fix=True, as_json=False) == 1
    said = capsys.readouterr().out.splitlines()
    assert said[-2].startswith("broken   prefect:") and said[-1].strip().startswith("-> restore")
