"""What MLflow knows of some products: runs, models, versions and files, found by DVC's digests."""

import os
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flows.services import environment
from flows.tracking import mlflow_health

PAGE = 500  # runs per request
TAG = "touchline.withdrawn"
Blot = Callable[[str], str]  # a text without the words that are withdrawn


@dataclass(frozen=True)
class Tracked:
    """Ids in MLflow."""

    runs: tuple[str, ...] = ()  # that read or made such a product, and those above them
    models: tuple[str, ...] = ()  # logged models with these weights
    versions: tuple[str, ...] = ()  # NAME/VERSION in the registry
    artifacts: tuple[str, ...] = ()  # RUN/PATH: files that lie in MLflow's own store


def find(root: Path, md5: Collection[str], models: Collection[str]) -> Tracked:
    """Of the products `md5` and the weights `models`; nothing where no store was ever made."""
    environment.prepare(root)
    address = os.environ["MLFLOW_TRACKING_URI"]
    if address.startswith("sqlite:///") and not Path(address.removeprefix("sqlite:///")).is_file():
        return Tracked()
    mlflow_health.reach()
    from flows.tracking import mlflow_registry

    client = mlflow_registry.client()
    places = [one.experiment_id for one in client.search_experiments()]
    runs = [run for run in _runs(client, places) if _touches(run, md5)]
    above = {run.data.tags.get("mlflow.parentRunId", "") for run in runs} - {""}
    ids = sorted({run.info.run_id for run in runs} | above)
    logged = _logged(client, places, models)
    return Tracked(
        runs=tuple(ids),
        models=tuple(sorted(logged)),
        versions=tuple(_versions(client, models)),
        artifacts=tuple(f"{id}/{file.path}" for id in ids for file in client.list_artifacts(id)),
    )


def _runs(client: Any, places: list[str]) -> Iterator[Any]:
    token = None
    while places:
        page = client.search_runs(places, max_results=PAGE, page_token=token)
        yield from page
        token = page.token
        if not token:
            return


def _touches(run: Any, md5: Collection[str]) -> bool:
    """By its tags `dvc.md5.*` and `*.dvc.md5`, and by the digests of its inputs."""
    tagged = {value for key, value in run.data.tags.items() if "dvc.md5" in key}
    read = {one.dataset.digest for one in run.inputs.dataset_inputs} if run.inputs else set()
    return not (tagged | read).isdisjoint(md5)


def _logged(client: Any, places: list[str], models: Collection[str]) -> set[str]:
    return {
        one.model_id
        for md5 in models
        for one in client.search_logged_models(places, filter_string=f"tags.`dvc.md5` = '{md5}'")
    }


def _versions(client: Any, models: Collection[str]) -> Iterator[str]:
    for one in client.search_model_versions():
        if one.tags.get("dvc.md5") in models:
            yield f"{one.name}/{one.version}"


def withdraw(
    root: Path, ids: dict[str, list[str]], models: Collection[str], said: str, blot: Blot
) -> None:
    """Say in MLflow what is withdrawn; remove files, uncrown the champion, blot out words."""
    environment.prepare(root)
    from flows.tracking import mlflow_registry

    client = mlflow_registry.client()
    for id in ids["runs"]:
        client.set_tag(id, TAG, said)
    for id in ids["models"]:
        client.set_logged_model_tags(id, {TAG: said})
    champion = mlflow_registry.champion(client)
    for name, _, version in (one.rpartition("/") for one in ids["versions"]):
        client.set_model_version_tag(name, version, TAG, said)
    if champion and champion[0].md5 in models:
        client.delete_registered_model_alias(mlflow_registry.NAME, mlflow_registry.ALIAS)
    for id, _, path in (one.partition("/") for one in ids["artifacts"]):
        _remove(client.get_run(id).info.artifact_uri or "", path)
    _blot(client, blot)


def _remove(store: str, path: str) -> None:
    from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

    get_artifact_repository(store).delete_artifacts(path)


def _blot(client: Any, blot: Blot) -> None:
    """A stage's error, which is a tag, may name a row of it in any run."""
    for run in _runs(client, [one.experiment_id for one in client.search_experiments()]):
        for key, text in run.data.tags.items():
            if not key.startswith("mlflow.") and blot(text) != text:
                client.set_tag(run.info.run_id, key, blot(text))
