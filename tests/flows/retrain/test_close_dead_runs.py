"""A run that was killed is closed in MLflow and Prefect, at whatever moment that was."""

from collections.abc import Iterator
from pathlib import Path

import mlflow
import pytest

from flows.runs.record import RunRecord
from flows.tracking.mlflow_runs import MlflowRun, close_killed_mlflow_runs

pytestmark = pytest.mark.slow

ID, OTHER = "20261101-000000-aaaaaa", "20261101-000001-bbbbbb"


@pytest.fixture
def client(tmp_path: Path) -> Iterator[mlflow.MlflowClient]:
    """Of a real SQLite store."""
    mlflow.set_tracking_uri(f"sqlite:///{tmp_path / 'mlflow.db'}")
    yield mlflow.MlflowClient()
    mlflow.set_tracking_uri(None)


def killed(id: str) -> RunRecord:
    """As `tidy` closes the record of a run that was killed before it noted any id."""
    return RunRecord(id=id, state="killed", error="killed", started=id, command=[], commit="0" * 40)


def status(client: mlflow.MlflowClient, run: str) -> str:
    return client.get_run(run).info.status


def test_a_run_killed_before_it_noted_its_mlflow_run_is_closed_and_no_other_is(
    client: mlflow.MlflowClient,
) -> None:
    one, other = MlflowRun(killed(ID), set()), MlflowRun(killed(OTHER), set())
    child = one.begin("sft")
    close_killed_mlflow_runs(killed(ID))
    assert [status(client, run) for run in (one.parent, child)] == ["KILLED", "KILLED"]
    assert client.get_run(one.parent).data.tags["error"] == "killed"
    assert status(client, other.parent) == "RUNNING"


def test_a_run_that_ended_well_but_could_not_say_so_is_no_killed_one(
    client: mlflow.MlflowClient,
) -> None:
    one = MlflowRun(killed(ID), set())
    close_killed_mlflow_runs(killed(ID).model_copy(update={"state": "completed", "error": ""}))
    assert status(client, one.parent) == "FINISHED"


def test_a_stage_that_ended_in_an_exception_does_not_run_for_ever(
    client: mlflow.MlflowClient,
) -> None:
    one = MlflowRun(killed(ID), set())
    child = one.begin("sft")
    one.close(killed(ID).model_copy(update={"state": "failed"}))
    assert [status(client, run) for run in (one.parent, child)] == ["FAILED", "FAILED"]


def test_a_stage_that_was_not_executed_after_all_leaves_no_run_that_runs(
    client: mlflow.MlflowClient,
) -> None:
    one = MlflowRun(killed(ID), set())
    child = one.begin("sft")
    one.drop(child)
    assert status(client, child) == "KILLED"


@pytest.mark.slow
def test_a_flow_run_that_a_killed_run_never_came_to_note_is_crashed_by_its_name(
    server: str,
) -> None:
    from prefect import flow
    from prefect.client.orchestration import get_client
    from prefect.settings import PREFECT_API_URL, temporary_settings
    from prefect.states import Running

    from flows.retrain.flow import mark_flow_run_crashed

    with temporary_settings({PREFECT_API_URL: server}), get_client(sync_client=True) as prefect:
        runs = [
            prefect.create_flow_run(flow(_nothing), name=id, state=Running()) for id in (ID, OTHER)
        ]
        mark_flow_run_crashed(killed(ID))
        states = [prefect.read_flow_run(run.id).state for run in runs]
    assert [state.type.value for state in states if state] == ["CRASHED", "RUNNING"]


def _nothing() -> None:
    pass
