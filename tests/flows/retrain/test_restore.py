"""Back-up and restore by the commands of docs/operations.md: a machine is lost, nothing else is."""

import os
import shutil
import subprocess
from pathlib import Path

import mlflow
import psycopg
import pytest

from tests.flows.conftest import Toy
from tests.postgres import postgres, program

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]


class Stored(Toy):
    """With a store on a disk that other machines mount as well."""

    def __init__(self, root: Path, store: Path, api: str) -> None:
        super().__init__(root)
        self.store, self.api = store, api

    def environment(self) -> dict[str, str]:
        return {**super().environment(), "TOUCHLINE_REMOTE": str(self.store)}


def typed(words: str, where: Path, **more: str) -> None:
    """A command as somebody types it."""
    subprocess.run(words, shell=True, cwd=where, check=True, env={**os.environ, **more})


def test_a_project_that_is_lost_comes_back_from_its_back_up(
    toy: Toy, server: str, tmp_path: Path
) -> None:
    for name in ("rsync", "sqlite3"):
        if not shutil.which(name):
            pytest.skip(f"no {name} here")
    backup = {"BACKUP": str(tmp_path / "backup"), "GIT": str(tmp_path / "backup.git")}
    toy = Stored(toy.root, tmp_path / "store", server)
    for folder in (toy.store, Path(backup["BACKUP"])):
        folder.mkdir()
    assert toy.type("retrain")[0] == 0
    (run,) = (file.stem for file in (toy.root / ".touchline" / "runs").glob("*.json"))
    for words in (
        "git init -q --bare -b main $GIT",
        "git push -q $GIT --all && git push -q $GIT 'refs/runs/*'",
        "rsync -a .touchline/runs $BACKUP/",
        'sqlite3 .touchline/mlflow.db ".backup $BACKUP/mlflow.db"',
    ):
        typed(words, toy.root, **backup)
    assert f"run {run}: 0 objects sent to {toy.store}" in toy.type("push")[1]
    model = _bytes(toy.root / "data" / "model")
    shutil.rmtree(toy.root)

    typed("git clone -q $GIT toy", tmp_path, **backup)
    for words in (
        "git fetch -q $GIT 'refs/runs/*:refs/runs/*'",
        "mkdir -p .touchline && rsync -a $BACKUP/ .touchline/",
    ):
        typed(words, toy.root, **backup)
    for words in (["pull", run], ["doctor", "--full"], ["retrain"]):
        status, said = toy.type(*words)
        assert status == 0, said
    assert "nothing to do" in said or "0 ran" in said, said
    assert toy.steps_run() == [], "a stage was executed again"
    assert _bytes(toy.root / "data" / "model") == model
    mlflow.set_tracking_uri(f"sqlite:///{toy.root / '.touchline' / 'mlflow.db'}")
    found = mlflow.MlflowClient().search_runs(["1"], f"attributes.run_name = '{run}'")
    mlflow.set_tracking_uri(None)
    assert [one.info.status for one in found] == ["FINISHED"]


def test_a_database_of_mlflow_comes_back_from_its_dump(tmp_path: Path) -> None:
    dump, restore = program("pg_dump"), program("pg_restore")
    with postgres() as there:
        there.make("mlflow")
        mlflow.set_tracking_uri(there.url("mlflow"))
        client = mlflow.MlflowClient()
        id = client.create_run(client.create_experiment("kept"), run_name="kept").info.run_id
        words, file = {"PGPASSWORD": "topsecret"}, tmp_path / "mlflow.dump"
        which = f"--host 127.0.0.1 --port {there.port} --username {there.user}"
        typed(f"{dump} {which} --format custom --dbname mlflow --file {file}", tmp_path, **words)
        with psycopg.connect(there.url("postgres", "postgresql"), autocommit=True) as db:
            db.execute("DROP DATABASE mlflow WITH (FORCE)")
        typed(f"{restore} {which} --create --dbname postgres {file}", tmp_path, **words)
        assert client.get_run(id).info.run_name == "kept"
    mlflow.set_tracking_uri(None)


def _bytes(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in sorted(folder.iterdir())}
