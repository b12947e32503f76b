"""The champion in MLflow's model registry. Each version refers to its weights by DVC's md5."""

import logging

import mlflow
from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException

from flows.runs.run_model import RunModel
from flows.tracking import mlflow_runs
from touchline.errors import InputError

NAME, ALIAS = "student", "champion"
VERSION_TAGS = ("touchline.run", "dvc.path", "dvc.md5")
NOT_FOUND_CODES = (
    "RESOURCE_DOES_NOT_EXIST",
    "INVALID_PARAMETER_VALUE",
)  # of the model, of the alias


def open_mlflow_client() -> mlflow.MlflowClient:
    """MLflow client with MLflow's database log messages silenced."""
    logging.getLogger("mlflow").setLevel(logging.ERROR)
    return mlflow.MlflowClient()


def find_champion_version(client: mlflow.MlflowClient) -> tuple[RunModel, str] | None:
    """(model, version) of the champion, or None if the registry has none. Raises `InputError` if
    the version lacks the tags that identify its weights.
    """
    try:
        version = client.get_model_version_by_alias(NAME, ALIAS)
    except MlflowException as error:
        if error.error_code not in NOT_FOUND_CODES:
            raise
        return None
    tags = version.tags
    if not all(tags.get(tag) for tag in VERSION_TAGS):
        place = f"MLflow: {NAME}@{ALIAS}, version {version.version}"
        problem = f"does not say which weights it is (tags {', '.join(VERSION_TAGS)})"
        raise InputError(place, problem, "remove the alias; the next night finds a champion anew")
    model = RunModel(
        name=f"{tags['touchline.run']}/{tags['dvc.path'].split('/')[-1]}",
        run=tags["touchline.run"],
        path=tags["dvc.path"],
        md5=tags["dvc.md5"],
    )
    return model, str(version.version)


def register_model_version(client: mlflow.MlflowClient, model: RunModel) -> str:
    """The registry version of these weights; a new one is created if there is none."""
    versions = _find_versions(client, model.md5)
    if versions:
        return str(versions[0].version)
    if not client.search_registered_models(f"name = '{NAME}'"):
        client.create_registered_model(NAME, description="Students, by DVC's digest of their files")
    id = _find_or_log_model(client, model)
    tags = {"dvc.md5": model.md5, "dvc.path": model.path, "touchline.run": model.run}
    new_version = client.create_model_version(NAME, f"models:/{id}", model_id=id, tags=tags)
    return str(new_version.version)


def move_champion_alias(
    client: mlflow.MlflowClient, version: str, evidence: str, digest: str
) -> None:
    """Tag a version with its evidence, then move the champion alias to it."""
    client.set_model_version_tag(NAME, version, "evidence", evidence)
    client.set_model_version_tag(NAME, version, "evidence.sha256", digest)
    client.set_registered_model_alias(NAME, ALIAS, version)


def _find_versions(client: mlflow.MlflowClient, md5: str) -> list[ModelVersion]:
    try:
        versions = client.search_model_versions(f"name = '{NAME}'")
    except MlflowException:
        return []
    return [version for version in versions if version.tags.get("dvc.md5") == md5]


def _find_or_log_model(client: mlflow.MlflowClient, model: RunModel) -> str:
    """MLflow's id of the logged model with these weights; created if the tracking store does not
    have it.
    """
    experiment_id = mlflow_runs.get_experiment_id(client)
    logged_models = client.search_logged_models(
        [experiment_id], filter_string=f"tags.`dvc.md5` = '{model.md5}'"
    )
    if logged_models:
        return logged_models[0].model_id
    tags = {"dvc.md5": model.md5, "dvc.path": model.path, "touchline.run": model.run}
    name = model.path.split("/")[-1]
    return mlflow.create_external_model(name=name, tags=tags, experiment_id=experiment_id).model_id
