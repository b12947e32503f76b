"""What MLflow knows of a withdrawn match is marked there, its files go, its champion falls."""

from pathlib import Path

import mlflow
import pytest

from flows import cli
from flows.runs.record import RunRecord, StageRecord
from flows.runs.run_model import RunModel
from flows.tracking import mlflow_registry, mlflow_runs
from tests.flows.lineage.conftest import World

OLD, NEW = "20261101-000000-aaaaaa", "20261102-000000-bbbbbb"
B = "world/b"
MODEL = "data/rl"


def tracked(run: RunRecord, error: str = "") -> str:
    """The run as MLflow is told of it while it goes; the id of its last stage's run there."""
    one = mlflow_runs.MlflowRun(run, {MODEL})
    child = ""
    for name, done in run.stages.items():
        child = one.begin(name)
        told = done.model_copy(update={"error": error})
        one.end(child, name, told, {file.path for file in run.products})
    one.close(run)
    return child


def champion(run: RunRecord) -> RunModel:
    """The run's model, crowned."""
    (md5,) = (file.md5 for file in run.products if file.path == MODEL)
    model = RunModel(name=f"{run.id}/rl", run=run.id, path=MODEL, md5=md5)
    client = mlflow_registry.open_mlflow_client()
    mlflow_registry.move_champion_alias(
        client, mlflow_registry.register_model_version(client, model), "evidence.json", "0" * 64
    )
    return model


def withdrawn(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(world.root)
    with pytest.raises(SystemExit) as ended:
        cli.main(["impact", "world/a", "--apply", "--yes"])
    assert ended.value.code == 0


@pytest.fixture
def client(world: World) -> mlflow.MlflowClient:
    """Of a real SQLite store below the project."""
    return mlflow_registry.open_mlflow_client()


def test_runs_models_and_versions_say_that_they_are_withdrawn(
    world: World, client: mlflow.MlflowClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = world.run(OLD)
    child = tracked(run)
    model = champion(run)
    withdrawn(world, monkeypatch)
    tag = client.get_run(child).data.tags["touchline.withdrawn"]
    assert "tombstone " in tag
    parent = client.get_run(child).data.tags["mlflow.parentRunId"]
    assert client.get_run(parent).data.tags["touchline.withdrawn"] == tag
    (version,) = client.search_model_versions()
    assert version.tags["touchline.withdrawn"] == tag
    where = f"tags.`dvc.md5` = '{model.md5}'"
    (logged,) = client.search_logged_models(
        [mlflow_runs.get_experiment_id(client)], filter_string=where
    )
    assert logged.tags["touchline.withdrawn"] == tag
    assert mlflow_registry.find_champion_version(client) is None, "it learnt from the match"


def test_a_champion_that_never_learnt_from_it_stays(
    world: World, client: mlflow.MlflowClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    tracked(world.run(OLD))
    other = world.run(NEW, (B,), "other weights")
    tracked(other)
    model = champion(other)
    withdrawn(world, monkeypatch)
    found = mlflow_registry.find_champion_version(client)
    assert found is not None and found[0] == model
    (version,) = client.search_model_versions()
    assert "touchline.withdrawn" not in version.tags


def test_files_of_its_runs_go_and_an_error_loses_its_name(
    world: World, client: mlflow.MlflowClient, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    child = tracked(world.run(OLD))
    (tmp_path / "table.txt").write_text("scores of world/a")
    client.log_artifact(child, str(tmp_path / "table.txt"))
    failed = RunRecord(id=NEW, started=OLD, command=[], commit="0" * 40)
    failed.stages["download"] = StageRecord(state="Failed")
    other = tracked(failed, "world/a/1: odd; correct it")
    withdrawn(world, monkeypatch)
    assert client.list_artifacts(child) == []
    assert client.get_run(other).data.tags["error"] == "(withdrawn): odd; correct it"
