"""Whole nights: a real Prefect server and worker, a real model that is asked, a real webhook."""

import json
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import mlflow
import pytest

from flows.nightly import alerts, record
from tests.flows.conftest import REPOSITORY, Toy
from tests.flows.nightly import project
from tests.flows.nightly.test_bisect import receiver
from tests.flows.nightly.test_events import told
from tests.stages.training import World, world
from tests.train.conftest import lessons
from touchline import licence
from touchline.ledger import RowLedger
from touchline.records.caption import Caption
from touchline.records.question import Question
from touchline.records.table import write_records

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]
FLOORS = [
    {"kind": "floor", "name": "floor.tiles"},
    {"kind": "blank", "name": "floor.blank", "model": "sft", "revision": ""},
]
EVALUATE = {"seed": 1, "theta": 0.3, "interval": 12, "batch": 4, "turn_tokens": 8}
EVALUATE |= {"processes": 1, "candidates": FLOORS}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> World:
    """The products of a run whose student was never trained."""
    taught = lessons(1)
    here = world(tmp_path_factory.mktemp("made"), taught)
    here.sft(here.sft_params(0), model="rl")
    licence.write_product_terms(here.root / "rl", {"world": ("CC0-1.0", "open")})
    asked = [replace(t.question, id=f"{t.question.id}-test", split="test") for t in taught]
    every = [*(t.question for t in taught), *asked]
    write_records(here.root / "questions/questions.parquet", Question, every)
    write_records(here.root / "captions/captions.parquet", Caption, [])
    ledger = RowLedger(["a"])
    ledger.keep("a")
    ledger.close(here.root / "questions/ledger.parquet")
    return here


@pytest.fixture
def toy(tmp_path: Path, made: World) -> Toy:
    """A checkout with one run of those products."""
    toy = Toy(project.plant(tmp_path / "toy"))
    toy.git("config", "user.name", "toy")
    toy.git("config", "user.email", "toy@localhost")
    names = ("clips", "captions", "questions", "frames", "rl")
    params = {"evaluate": EVALUATE}
    project.run(toy.root, "20261101-200000-aaaa", {n: made.root / n for n in names}, params)
    return toy


def nights(toy: Toy) -> list[record.NightRecord]:
    return record.list_night_records(toy.root)


def test_the_second_night_asks_nobody_and_a_killed_one_goes_on_where_it_was(
    toy: Toy, server: str, monkeypatch: pytest.MonkeyPatch
):
    toy.api = server
    with toy.start("nightly") as first:  # killed while the model is being asked
        _wait(lambda: _kept(toy) > 0, 600)
        first.send_signal(signal.SIGKILL)
    until = time.monotonic() + 20
    while toy.processes() and time.monotonic() < until:
        time.sleep(0.2)
    assert toy.processes() == []
    before = _kept(toy)
    assert 0 < before < 10  # whole batches; equal questions share an answer
    status, said = toy.type("nightly")
    assert status == 0, said
    killed, done = nights(toy)
    assert killed.state == "killed" and done.state == "completed"
    (one,) = done.candidates.values()
    assert one.answers and not one.promoted and "floors" in one.decision
    assert _kept(toy) > before and _asked_again(toy) == 0
    assert (toy.root / ".touchline/nights" / done.page).stat().st_size > 10_000
    log = _log(toy, done)
    assert "model" in log

    status, said = toy.type("nightly")
    again = nights(toy)[-1]
    assert status == 0 and not _log(toy, again)
    (same,) = again.candidates.values()
    assert same.answers == one.answers and again.page == done.page and not again.alerts
    client = mlflow.MlflowClient(f"sqlite:///{toy.root / '.touchline' / 'mlflow.db'}")
    found = client.get_experiment_by_name("nightly")
    runs = client.search_runs([found.experiment_id])
    assert {run.data.tags["night"] for run in runs} == {done.id, again.id}
    assert all("newest.overall.mean" in run.data.metrics for run in runs)
    given = told(toy.root)
    ends = [one["eventType"] for one in given if one["job"]["name"] == "nightly"]
    assert ends == ["START", "ABORT", "START", "COMPLETE", "START", "COMPLETE"]
    assert f"nights/{done.page}" in {one["name"] for one in given[-1]["outputs"]}


def _kept(toy: Toy) -> int:
    """How many answers are kept."""
    file = toy.root / ".touchline/checkpoints/answers.sqlite"
    if not file.is_file():
        return 0
    with closing(sqlite3.connect(file, timeout=60)) as db:
        known = db.execute("SELECT name FROM sqlite_master WHERE name = 'said'").fetchone()
        return db.execute("SELECT count(*) FROM said").fetchone()[0] if known else 0


def _asked_again(toy: Toy) -> int:
    """How many answers were replaced: a row that is written anew gets a later number."""
    file = toy.root / ".touchline/checkpoints/answers.sqlite"
    with closing(sqlite3.connect(file, timeout=60)) as db:
        last, count = db.execute("SELECT max(rowid), count(*) FROM said").fetchone()
    return last - count


def _log(toy: Toy, night: record.NightRecord) -> str:
    file = toy.root / ".touchline/nights" / f"{night.id}.log"
    return file.read_text() if file.is_file() else ""


def server_side(toy: Toy, url: str) -> dict[str, str]:
    """The environment of those who talk with the test's Prefect server, in the toy."""
    home = {"PREFECT_HOME": str(toy.root / ".touchline" / "prefect"), "PREFECT_API_URL": url}
    return {**toy.environment(), **home}


def python(toy: Toy, env: dict[str, str], *words: str, status: int = 0) -> str:
    done = subprocess.run(
        [sys.executable, *words],
        cwd=toy.root, env=env, capture_output=True, text=True, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    assert done.returncode == status, f"{words}: {done.stdout}{done.stderr}"
    return done.stdout + done.stderr


def prefect(toy: Toy, env: dict[str, str], command: str) -> str:
    return python(toy, env, "-m", "prefect", "--no-prompt", *command.split())


def arm(toy: Toy, env: dict[str, str], status: int = 0) -> str:
    words = ("-m", "flows.cli", "nightly", "--arm", "--hours", "0.004")  # 14 seconds
    return python(toy, env, *words, status=status)


def test_a_worker_picks_up_the_scheduled_night_and_silence_raises_the_alarm(toy: Toy, server: str):
    subprocess.run(
        f"cp -r {REPOSITORY}/flows {REPOSITORY}/prefect.yaml . && sed -i 's/0 2 . . ./* * * * */'"
        " prefect.yaml && git add -A && git commit -qm Flows",
        shell=True, cwd=toy.root, check=True,
    )  # fmt: skip
    with receiver() as (url, heard):
        env = {**server_side(toy, server), alerts.ALERT_URL: url}
        assert "armed: touchline: no night" in arm(toy, env)
        _wait(lambda: any(told["about"] == "absent" for told in heard), 300)
        prefect(toy, env, "work-pool create local --type process")
        prefect(toy, env, "deploy --name nightly")
        with (toy.root / ".touchline" / "worker.log").open("w") as log:
            worker = subprocess.Popen(
                [sys.executable, "-m", "prefect", "worker", "start", "-p", "local", "-l", "1"],
                cwd=toy.root, env=env, stdout=log, stderr=log,
            )  # fmt: skip
        try:
            _wait(lambda: any(night.state == "completed" for night in nights(toy)), 1500)
            _wait(lambda: any(told["about"] == "refused" for told in heard), 60)
        finally:
            prefect(toy, env, "deployment delete nightly/nightly")
            worker.terminate()
            worker.wait(120)
    _wait(lambda: not toy.processes(), 300)
    done = next(night for night in nights(toy) if night.state == "completed")
    assert done.flow_run and done.alerts[0]["outcome"] == "sent to 127.0.0.1"
    assert json.dumps(heard).count("topsecret") == 0


BLOCK = """
from prefect.blocks.notifications import CustomWebhookNotificationBlock as Block
said = {"about": "{{subject}}", "sentence": "{{body}}"}
secrets = {"key": "topsecret"}
Block(name="night", url="URL/{{key}}", json_data=said, secrets=secrets).save("night")
"""


def test_a_notification_block_speaks_for_a_failed_night_and_so_does_the_servers_automation(
    toy: Toy, server: str
):
    toy.set('alert: ""', "alert: custom-webhook/night")
    toy.api = server
    env = server_side(toy, server)
    assert "custom-webhook/night: the server has no such block" in arm(toy, env, status=2)
    with receiver() as (url, heard):
        python(toy, env, "-c", BLOCK.replace("URL", url.split("?")[0]))
        assert "armed: touchline: a night failed" in arm(toy, env)
        status, said = toy.type("nightly", "--benchmark", "nosuch")
        assert status == 1 and "nosuch" in said, said
        by_the_night = {"about": "touchline: failed", "sentence": nights(toy)[-1].error}
        assert by_the_night in heard
        automation = "the flow run `nightly` failed, crashed or is late"
        _wait(lambda: any(told["sentence"] == automation for told in heard), 300)
        _wait(lambda: any(told["about"] == "touchline: absent" for told in heard), 300)
    (sent,) = nights(toy)[-1].alerts
    assert sent["outcome"] == "sent to block custom-webhook/night" and "topsecret" not in said


def _wait(true, seconds: float) -> None:
    until = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < until, "it never came to that"
        time.sleep(0.5)
