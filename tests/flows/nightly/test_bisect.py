"""Bisecting a lineage, alarms for nights that did not run, and alerts that reach nobody."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest
from pydantic import ValidationError

from flows.nightly import alerts, ask_process, bisect, compare, console, lineup, record
from flows.nightly import ask as nightly_ask
from flows.nightly import session as nightly
from flows.nightly.answers import AnswersByAuthor, load_night_answers
from flows.nightly.bisect import find_first_bad_run
from flows.nightly.record import NightRecord
from flows.nightly.session import NightSession
from flows.runs import overrides
from flows.runs.record import locate_nights_folder
from flows.runs.run_model import RunModel
from tests.flows.nightly.conftest import Nights
from touchline.errors import InputError
from touchline.evaluation.floors import FLOORS
from touchline.records.table import write_records
from touchline.records.trajectory import Trajectory


@pytest.mark.parametrize("count", [2, 3, 7, 40])
def test_bisecting_finds_the_fall_and_asks_few(count: int):
    for fall in range(1, count):
        asked = []

        def bad(run: int, fall: int = fall, asked: list = asked) -> bool:
            asked.append(run)
            return run >= fall

        assert find_first_bad_run(range(count), bad) == fall
        assert len(asked) <= (count - 2).bit_length()


def test_the_first_bad_run_is_found_with_what_changed_there(
    nights: Nights, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    nights.train(0.8)
    kept = {next(iter(nights.night(judge=False).night.candidates.values())).model.md5}
    nights.train(0.8)
    nights.train(0.8)
    given = {"sft": {"lr": 0.5}}
    for _ in range(4):
        nights.train(0.4, params=given)
    asked: list[str] = []

    def answers(going: NightSession, model: RunModel, say: object, alone: bool) -> AnswersByAuthor:
        asked.extend([] if model.md5 in kept else [model.run])
        kept.add(model.md5)
        return nights.answers(going, model)

    monkeypatch.setattr(nightly_ask, "get_model_answers", answers)
    monkeypatch.setattr(nightly_ask, "has_stored_answers", lambda going, model: model.md5 in kept)
    assert bisect.run_bisect(nights.root, "overall", "", "", as_json=True) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["first bad"] == "20261104-200000-aaaa/rl"
    assert found["last good"] == "20261103-200000-aaaa/rl"
    assert found["changed"]["params"]["sft.lr"] == [0.002, 0.5]
    assert "data/rl" in found["changed"]["data"] and found["change"]["high"] < 0
    assert len(asked) <= 4  # the last, and three between; never all six
    assert bisect.run_bisect(nights.root, "open", "20261101", "20261107", as_json=False) == 0
    said = capsys.readouterr().out
    assert "open fell with 20261104-200000-aaaa/rl" in said and "sft.lr: 0.002 -> 0.5" in said
    with pytest.raises(InputError, match="it did not fall beyond its interval"):
        bisect.run_bisect(nights.root, "open", "20261101", "20261103", as_json=False)
    with pytest.raises(InputError, match=r"no such metric here; known: overall, open\.acc"):
        bisect.run_bisect(nights.root, "spotting.luck", "20261101", "20261107", as_json=False)
    assert [night.state for night in record.list_night_records(nights.root)] == ["completed"]


def test_a_night_that_did_not_run_is_told(
    nights: Nights, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    with receiver() as (url, heard):
        monkeypatch.setenv(alerts.ALERT_URL, url)
        assert nights_check(nights) == 1
        assert (
            "no night has completed in project yet, one is due every 26 hours"
            in heard[0]["sentence"]
        )
        ended(nights, hours=3)
        assert nights_check(nights) == 0 and "ended 3.0 hours ago" in capsys.readouterr().out
        ended(nights, hours=30)
        assert nights_check(nights) == 1 and heard[-1]["about"] == "absent"
        assert "ended 30.0 hours ago" in capsys.readouterr().err


def nights_check(project: Nights) -> int:
    return console.check_last_night(project.root, None)


def ended(project: Nights, hours: float) -> None:
    when = (datetime.now(UTC) - timedelta(hours=hours)).isoformat()
    for file in locate_nights_folder(project.root).glob("*.json"):
        file.unlink()
    record.write_night_record(
        project.root, NightRecord(id="one", state="completed", started=when, ended=when)
    )


class receiver:
    """A local address that keeps what it is told."""

    def __enter__(self) -> tuple[str, list[dict]]:
        heard: list[dict] = []

        class Hear(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                heard.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Hear)
        Thread(target=self.server.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{self.server.server_port}/hook?key=topsecret", heard

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()


def test_an_alert_that_reaches_nobody_is_kept_without_the_secret_and_sent_again(
    nights: Nights, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv(alerts.ALERT_URL, "http://127.0.0.1:9/hook?key=topsecret")
    nights.train(0.0)
    going = nights.night()
    alerts.send_alerts(going, alerts.list_alerts(going.night, []))
    (first,) = going.night.alerts
    assert first["outcome"].startswith("not sent to 127.0.0.1: ConnectError")
    assert (
        "topsecret"
        not in (locate_nights_folder(nights.root) / f"{going.night.id}.json").read_text()
    )
    with receiver() as (url, heard):
        monkeypatch.setenv(alerts.ALERT_URL, url)
        again = nights.night()
        alerts.send_alerts(again, alerts.list_alerts(again.night, [going.night]))
    assert heard[0]["night"] == going.night.id
    (kept,) = record.list_night_records(nights.root)[0].alerts
    assert kept["outcome"] == "sent to 127.0.0.1"


def test_what_was_told_last_night_is_not_told_again(nights: Nights):
    nights.train(0.0)
    going = nights.night()
    first = alerts.list_alerts(going.night, [])
    assert [kind for kind, _ in first] == ["refused"]
    alerts.send_alerts(going, first)
    again = nights.night()
    again.night.candidates = going.night.candidates
    silent = record.NightRecord(id="0", started="2026-01-01T00:00:00+00:00")
    assert alerts.list_alerts(again.night, [going.night, silent]) == []
    assert "set TOUCHLINE_ALERT_URL" in going.night.alerts[0]["outcome"]


def test_a_killed_night_is_closed_by_the_next(nights: Nights):
    nights.train(0.9)
    locate_nights_folder(nights.root).mkdir(parents=True)
    record.write_night_record(
        nights.root, NightRecord(id="0", started="2026-01-01T00:00:00+00:00", pid=1)
    )
    nights.night(judge=False)
    states = [night.state for night in record.list_night_records(nights.root)]
    assert states == ["killed", "completed"]


def test_a_registry_without_champion_and_a_checkout_without_runs_say_so(nights: Nights):
    with pytest.raises(InputError, match=r"no completed run has test questions; `make retrain`"):
        nights.night()
    assert record.list_night_records(nights.root)[-1].state == "failed"


def test_products_that_the_cache_lost_are_named_with_their_run(nights: Nights):
    model = nights.train(0.9)
    file = nights.root / ".dvc/cache/files/md5" / model.md5[:2] / model.md5[2:]
    file.unlink()
    with nightly.open_night(nights.root, nightly.NightRequest()) as going:
        lineup.assemble_lineup(going)
        with pytest.raises(InputError, match=f"data/rl of run {model.run}: is not in DVC's cache"):
            going.restore_model(model)


def test_an_empty_or_broken_table_of_answers_is_named(nights: Nights):
    file = nights.root / "rows.parquet"
    file.write_bytes(b"no parquet")
    with pytest.raises(InputError, match=r"rows\.parquet: is not a Parquet .*; move it away"):
        load_night_answers(file)
    write_records(file, Trajectory, [])
    with pytest.raises(InputError, match="holds no answer"):
        load_night_answers(file)


def test_a_benchmark_without_the_floor_of_black_frames_is_refused_at_the_door(nights: Nights):
    evaluate = overrides.read_yaml_mapping(nights.root / "params.yaml")["evaluate"]
    listed = [entry for entry in evaluate["candidates"] if entry["kind"] != "blank"]
    nights.train(0.9, params={"evaluate": {**evaluate, "candidates": listed}})
    with pytest.raises(InputError, match=r"evaluate\.candidates has no kind blank"):
        nights.night()


def test_a_model_is_asked_with_the_floors_that_the_evaluation_lists_and_it_is_them_all(
    nights: Nights,
):
    model = nights.train(0.9)
    with nightly.open_night(nights.root, nightly.NightRequest()) as going:
        lineup.assemble_lineup(going)
        listed = {
            c.name: c.kind
            for c in ask_process.choose_modelless_floors(going.pinned_benchmark)
            + ask_process.choose_model_and_floors(going.pinned_benchmark)
        }
        folder = going.restore_model(model)
        setting = going.pinned_benchmark.setting(folder)
        whose = {
            c.name: c.weights(setting)
            for c in ask_process.choose_model_and_floors(going.pinned_benchmark)
        }  # type: ignore[attr-defined]
    assert listed == {
        **dict.fromkeys(FLOORS, "floor"),
        "model": "model",
        "floor.blank": "blank",
        "floor.single": "single",
        "floor.shuffled": "shuffled",
    }
    assert set(map(tuple, whose.values())) == {(folder,)}


def test_a_shuffled_clip_is_no_floor_where_the_right_frames_are_enough(nights: Nights):
    nights.train(0.9)
    going = nights.night()
    (line, *_) = [line for name, line in going.headlines.items() if name.endswith("/rl")]
    both = replace(line, tasks=["choice"] * len(line.tasks))
    given = {"floor.shuffled": both, "floor.blank": both}
    assert set(compare.measure_floor_gaps(both, given, seed=1)["choice"]) == {"floor.blank"}


@pytest.mark.parametrize("address", ["http://me:topsecret@[::1", "nonsense", "http://"])
def test_an_alert_to_an_address_that_is_none_is_told_and_never_raises(
    address: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv(alerts.ALERT_URL, address)
    told = alerts.send_alert("", {"night": "", "about": "failed", "sentence": "x"})
    assert told.startswith("not sent to an address without a host: ") and "topsecret" not in told


def test_no_challenger_a_night_is_no_number_of_them():
    with pytest.raises(ValidationError):
        nightly.NightlyParams(benchmark="", models=["rl"], most=0, hours=26, alert="")
