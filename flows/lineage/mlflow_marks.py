"""Find and mark what MLflow has of withdrawn products, by DVC's md5: runs, models, versions,
artifacts.
"""

import os
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flows.services import environment
from flows.tracking import mlflow_health

PAGE_RUNS = 500  # runs per request
WITHDRAWN_TAG = "touchline.withdrawn"
RedactText = Callable[[str], str]  # a text without the words that are withdrawn


@dataclass(frozen=True)
class MlflowEntries:
    """Ids of MLflow entries."""

    runs: tuple[str, ...] = ()  # that read or made such a product, and those above them
    models: tuple[str, ...] = ()  # logged models with these weights
    versions: tuple[str, ...] = ()  # NAME/VERSION in the registry
    artifacts: tuple[str, ...] = ()  # RUN/PATH: files that lie in MLflow's own store


def find_mlflow_entries(root: Path, md5: Collection[str], models: Collection[str]) -> MlflowEntries:
    """MLflow entries of the products `md5` and of the weights `models`. Empty if no tracking
    database exists yet.
    """
    environment.prepare_environment(root)
    address = os.environ["MLFLOW_TRACKING_URI"]
    if address.startswith("sqlite:///") and not Path(address.removeprefix("sqlite:///")).is_file():
        return MlflowEntries()
    mlflow_health.check_mlflow_reachable()
    from flows.tracking import mlflow_registry

    client = mlflow_registry.open_mlflow_client()
    experiment_ids = [experiment.experiment_id for experiment in client.search_experiments()]
    runs = [run for run in _iterate_runs(client, experiment_ids) if _refers_to_products(run, md5)]
    parent_ids = {run.data.tags.get("mlflow.parentRunId", "") for run in runs} - {""}
    ids = sorted({run.info.run_id for run in runs} | parent_ids)
    logged = _find_logged_models(client, experiment_ids, models)
    return MlflowEntries(
        runs=tuple(ids),
        models=tuple(sorted(logged)),
        versions=tuple(_find_model_versions(client, models)),
        artifacts=tuple(f"{id}/{file.path}" for id in ids for file in client.list_artifacts(id)),
    )


def _iterate_runs(client: Any, experiment_ids: list[str]) -> Iterator[Any]:
    token = None
    while experiment_ids:
        page = client.search_runs(experiment_ids, max_results=PAGE_RUNS, page_token=token)
        yield from page
        token = page.token
        if not token:
            return


def _refers_to_products(run: Any, md5: Collection[str]) -> bool:
    """Whether the run's `dvc.md5` tags or input datasets name one of these digests."""
    tagged = {value for key, value in run.data.tags.items() if "dvc.md5" in key}
    input_digests = (
        {dataset_input.dataset.digest for dataset_input in run.inputs.dataset_inputs}
        if run.inputs
        else set()
    )
    return not (tagged | input_digests).isdisjoint(md5)


def _find_logged_models(
    client: Any, experiment_ids: list[str], models: Collection[str]
) -> set[str]:
    return {
        logged_model.model_id
        for md5 in models
        for logged_model in client.search_logged_models(
            experiment_ids, filter_string=f"tags.`dvc.md5` = '{md5}'"
        )
    }


def _find_model_versions(client: Any, models: Collection[str]) -> Iterator[str]:
    for version in client.search_model_versions():
        if version.tags.get("dvc.md5") in models:
            yield f"{version.name}/{version.version}"


def mark_withdrawn_in_mlflow(
    root: Path, ids: dict[str, list[str]], models: Collection[str], message: str, redact: RedactText
) -> None:
    """Tag the entries as withdrawn, delete their artifacts, remove the champion alias if it is one
    of `models`, and redact tags.
    """
    environment.prepare_environment(root)
    from flows.tracking import mlflow_registry

    client = mlflow_registry.open_mlflow_client()
    for id in ids["runs"]:
        client.set_tag(id, WITHDRAWN_TAG, message)
    for id in ids["models"]:
        client.set_logged_model_tags(id, {WITHDRAWN_TAG: message})
    champion = mlflow_registry.find_champion_version(client)
    for name, _, version in (entry.rpartition("/") for entry in ids["versions"]):
        client.set_model_version_tag(name, version, WITHDRAWN_TAG, message)
    if champion and champion[0].md5 in models:
        client.delete_registered_model_alias(mlflow_registry.NAME, mlflow_registry.ALIAS)
    for id, _, path in (entry.partition("/") for entry in ids["artifacts"]):
        _delete_artifact(client.get_run(id).info.artifact_uri or "", path)
    _redact_tags(client, redact)


def _delete_artifact(store: str, path: str) -> None:
    from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

    get_artifact_repository(store).delete_artifacts(path)


def _redact_tags(client: Any, redact: RedactText) -> None:
    """Redact the tags of all runs: a stage's error may quote a withdrawn row."""
    for run in _iterate_runs(
        client, [experiment.experiment_id for experiment in client.search_experiments()]
    ):
        for key, text in run.data.tags.items():
            if not key.startswith("mlflow.") and redact(text) != text:
                client.set_tag(run.info.run_id, key, redact(text))
