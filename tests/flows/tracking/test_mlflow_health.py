"""An MLflow that cannot be reached: one sentence before anything begins, and nobody waits."""

import socket
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest

from flows import cli
from flows.nightly import alerts, record
from flows.runs.record import locate_nights_folder
from flows.services import environment
from flows.tracking import mlflow_health
from tests.flows.nightly import project
from tests.flows.nightly.test_bisect import receiver
from touchline.errors import InputError


@pytest.fixture
def nowhere() -> str:
    """A port of this machine at which nobody listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{free.getsockname()[1]}"


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = project.plant(tmp_path / "toy")
    for name in (alerts.ALERT_URL, "PREFECT_API_URL", "TOUCHLINE_REMOTE", "TOUCHLINE_SECRETS"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.build_default_environment(root / ".touchline").items():
        monkeypatch.setenv(name, value)  # else the commands set them for good
    monkeypatch.chdir(root)
    return root


@pytest.fixture
def answering() -> Iterator[tuple[str, list[int], list[str]]]:
    """A server that answers as told, and what it was asked with."""
    status, heard = [200], list[str]()

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            heard.append(f"{self.path} {self.headers.get('Authorization', '')}".strip())
            self.send_response(status[0])
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Answer)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"127.0.0.1:{server.server_port}", status, heard
    server.shutdown()
    server.server_close()


def test_a_night_without_mlflow_is_one_error_at_the_door_an_alert_and_a_record(
    toy: Path, nowhere: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(mlflow_health.TRACKING_URI_VARIABLE, f"http://me:topsecret@{nowhere}/mlflow")
    with receiver() as (url, heard):
        monkeypatch.setenv(alerts.ALERT_URL, url)
        with pytest.raises(SystemExit) as ended:
            cli.main(["nightly"])
    said = f"MLflow at http://{nowhere}/mlflow: cannot be reached (ConnectError); start it,"
    assert ended.value.code == 2
    assert capsys.readouterr().err == f"error: {said} or correct or unset MLFLOW_TRACKING_URI\n"
    (night,) = record.list_night_records(toy)
    assert night.state == "failed" and night.error.startswith(said) and night.ended
    assert [one["about"] for one in heard] == ["failed"] and said in heard[0]["sentence"]
    assert not (toy / ".touchline" / "prefect").exists()  # no server was started for it
    assert "topsecret" not in (locate_nights_folder(toy) / f"{night.id}.json").read_text()


@pytest.mark.parametrize("words", [["retrain"], ["audit", "champion"]])
def test_other_commands_that_need_mlflow_say_the_same_before_they_begin(
    toy: Path, nowhere: str, words: list[str], monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.setenv(mlflow_health.TRACKING_URI_VARIABLE, f"http://{nowhere}")
    with pytest.raises(SystemExit) as ended:
        cli.main(words)
    assert ended.value.code == 2
    assert f"error: MLflow at http://{nowhere}: cannot be reached" in capsys.readouterr().err
    assert list((toy / ".touchline").glob("runs/*")) == []


def test_a_database_that_is_away_is_named_without_its_password(
    nowhere: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = f"postgresql+psycopg://me:topsecret@{nowhere}/mlflow"
    monkeypatch.setenv(mlflow_health.TRACKING_URI_VARIABLE, address)
    with pytest.raises(
        InputError, match=rf"MLflow at postgresql\+psycopg://{nowhere}/mlflow"
    ) as why:
        mlflow_health.check_mlflow_reachable()
    assert "topsecret" not in str(why.value)


def test_whoever_answers_is_reached_but_a_gateway_without_a_server_is_not(
    answering: tuple[str, list[int], list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    place, status, heard = answering
    monkeypatch.setenv(mlflow_health.TRACKING_URI_VARIABLE, f"http://me:topsecret@{place}/")
    for status[0] in (200, 401, 404):
        mlflow_health.check_mlflow_reachable()
    assert heard == ["/health"] * 3  # and no password went to it
    status[0] = 503
    with pytest.raises(InputError, match="it answers 503"):
        mlflow_health.check_mlflow_reachable()


def test_an_address_that_is_none_is_a_sentence_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(mlflow_health.TRACKING_URI_VARIABLE, "http://me:topsecret@[::1/mlflow")
    with pytest.raises(InputError, match=r"MLflow at http://\[::1/mlflow: cannot be reached"):
        mlflow_health.check_mlflow_reachable()


@pytest.mark.parametrize("address", ["", "sqlite:////nowhere/mlflow.db", "databricks"])
def test_what_is_no_server_is_not_asked(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(mlflow_health.TRACKING_URI_VARIABLE, address)
    mlflow_health.check_mlflow_reachable()
