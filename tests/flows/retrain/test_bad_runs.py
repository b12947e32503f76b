"""Runs that are unknown, broken, of a newer Touchline, twice there, or dated in the future."""

import json
import shutil
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from flows import cli
from flows.nightly import console
from flows.nightly import record as night_record
from flows.nightly.record import NightRecord
from flows.retrain import run
from flows.retrain.run import RetrainRequest
from flows.runs import record
from flows.services import environment
from tests.flows.conftest import Toy
from touchline.errors import InputError

RUN = "20261101-000000-aaaa"


@pytest.fixture
def here(toy: Toy, monkeypatch: pytest.MonkeyPatch) -> Toy:
    """A checkout with one run, in which commands are typed."""
    for name, value in environment.build_default_environment(toy.root / ".touchline").items():
        monkeypatch.setenv(name, value)
    (toy.root / ".touchline" / "store").mkdir()
    monkeypatch.setenv("TOUCHLINE_REMOTE", str(toy.root / ".touchline" / "store"))
    monkeypatch.delenv("TOUCHLINE_LINEAGE_URL", raising=False)
    commit = toy.git("rev-parse", "HEAD")
    one = record.RunRecord(
        id=RUN, state="completed", started=record.get_utc_timestamp(), command=[], commit=commit
    )
    record.write_run_record(toy.root, one)
    monkeypatch.chdir(toy.root)
    return toy


@pytest.mark.parametrize(
    "words",
    [
        ["show", "nosuch"],
        ["audit", "nosuch"],
        ["verify", "nosuch"],
        ["diff", "nosuch", "latest"],
        ["diff", "latest", "nosuch"],
        ["trace", "an-answer", "--run", "nosuch"],
        ["impact", "nosuch"],
        ["push", "nosuch"],
        ["pull", "nosuch"],
    ],
    ids=" ".join,
)
def test_an_unknown_run_is_one_sentence_that_names_it(
    here: Toy, words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(words)
    said = capsys.readouterr().err
    assert ended.value.code == 2 and said.startswith("error: ") and said.count("\n") == 1
    assert "nosuch" in said and "; " in said


def test_a_record_that_is_broken_or_of_a_newer_touchline_is_named_and_the_rest_goes_on(
    here: Toy, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = record.get_runs_folder(here.root)
    newer = json.loads((folder / f"{RUN}.json").read_text()) | {"id": "newer", "state": "paused"}
    (folder / "newer.json").write_text(json.dumps(newer))
    (folder / "torn.json").write_bytes(b'{"id": "to\xff')
    assert [one.id for one in record.list_runs(here.root)] == [RUN]
    assert record.find_run(here.root, "latest").id == RUN
    said = capsys.readouterr().err
    for name in ("newer", "torn"):
        assert said.count(f".touchline/runs/{name}.json: is not a record of a run that this") == 1
    with run.open_run(here.root, RetrainRequest(stage="make")) as going:
        going.record.state = "failed"
    assert record.find_run(here.root, going.record.id).state == "failed"


def test_a_record_that_was_copied_claims_its_id_twice_and_is_refused_by_name(here: Toy) -> None:
    folder = record.get_runs_folder(here.root)
    shutil.copy(folder / f"{RUN}.json", folder / "20261102-000000-aaaa.json")
    with pytest.raises(
        InputError, match=rf"{RUN}: 2 runs have this id; `touchline runs` lists them"
    ):
        record.find_run(here.root, RUN)


def test_a_run_after_the_clock_was_put_back_says_which_run_latest_still_means(
    here: Toy, capsys: pytest.CaptureFixture[str]
) -> None:
    record.write_run_record(
        here.root, record.find_run(here.root, RUN).model_copy(update={"id": "20990101-0-a"})
    )
    with run.open_run(here.root, RetrainRequest(stage="make")) as going:
        going.record.state = "failed"
    said = capsys.readouterr().out
    assert "the clock was put back: run 20990101-0-a is dated after this one" in said
    assert going.record.id in said and record.find_run(here.root, going.record.id).ended
    (record.get_runs_folder(here.root) / "20990101-0-a.json").unlink()
    with run.open_run(here.root, RetrainRequest(stage="make")) as going:
        going.record.state = "failed"
    assert "the clock was put back" not in capsys.readouterr().out


def test_a_night_from_the_future_does_not_silence_the_alarm(
    here: Toy, capsys: pytest.CaptureFixture[str]
) -> None:
    file = Path("params.yaml")
    asked = 'nightly: {benchmark: "", models: [model], most: 1, hours: 26.0, alert: ""}\n'
    file.write_text(f"{file.read_text()}\n{asked}")
    for hours, status in ((-1, 0), (30, 1)):  # an hour ago; in thirty hours
        when = (datetime.now(UTC) + timedelta(hours=hours)).isoformat()
        night = NightRecord(id=str(time.time_ns()), state="completed", started=when, ended=when)
        night_record.write_night_record(here.root, night)
        assert console.check_last_night(here.root, None) == status
    assert "is dated 30.0 hours after now: the clock was put back" in capsys.readouterr().err
