"""MLflow's registry: which model is champion. A version names its model by DVC's digest."""

import logging

import mlflow
from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException

from flows.nightly.record import Model
from flows.tracking import mlflow_runs
from touchline.errors import BadInput

NAME, ALIAS = "student", "champion"
TAGS = ("touchline.run", "dvc.path", "dvc.md5")
ABSENT = ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE")  # of the model, of the alias


def client() -> mlflow.MlflowClient:
    """MLflow without its chatter about databases."""
    logging.getLogger("mlflow").setLevel(logging.ERROR)
    return mlflow.MlflowClient()


def champion(client: mlflow.MlflowClient) -> tuple[Model, str] | None:
    """The champion and its version; None where the registry has none."""
    try:
        found = client.get_model_version_by_alias(NAME, ALIAS)
    except MlflowException as error:
        if error.error_code not in ABSENT:
            raise
        return None
    tags = found.tags
    if not all(tags.get(tag) for tag in TAGS):
        place = f"MLflow: {NAME}@{ALIAS}, version {found.version}"
        wrong = f"does not say which weights it is (tags {', '.join(TAGS)})"
        raise BadInput(place, wrong, "remove the alias; the next night finds a champion anew")
    model = Model(
        name=f"{tags['touchline.run']}/{tags['dvc.path'].split('/')[-1]}",
        run=tags["touchline.run"],
        path=tags["dvc.path"],
        md5=tags["dvc.md5"],
    )
    return model, str(found.version)


def register(client: mlflow.MlflowClient, model: Model) -> str:
    """The version of these weights: the one there is, or a new one."""
    known = _versions(client, model.md5)
    if known:
        return str(known[0].version)
    if not client.search_registered_models(f"name = '{NAME}'"):
        client.create_registered_model(NAME, description="Students, by DVC's digest of their files")
    id = _logged(client, model)
    tags = {"dvc.md5": model.md5, "dvc.path": model.path, "touchline.run": model.run}
    made = client.create_model_version(NAME, f"models:/{id}", model_id=id, tags=tags)
    return str(made.version)


def crown(client: mlflow.MlflowClient, version: str, evidence: str, digest: str) -> None:
    """Move the alias to a version; its tags lead to the evidence. The alias moves last."""
    client.set_model_version_tag(NAME, version, "evidence", evidence)
    client.set_model_version_tag(NAME, version, "evidence.sha256", digest)
    client.set_registered_model_alias(NAME, ALIAS, version)


def _versions(client: mlflow.MlflowClient, md5: str) -> list[ModelVersion]:
    try:
        found = client.search_model_versions(f"name = '{NAME}'")
    except MlflowException:
        return []
    return [one for one in found if one.tags.get("dvc.md5") == md5]


def _logged(client: mlflow.MlflowClient, model: Model) -> str:
    """MLflow's own id of the weights; made anew where their run was tracked in another store."""
    place = mlflow_runs.experiment(client)
    found = client.search_logged_models([place], filter_string=f"tags.`dvc.md5` = '{model.md5}'")
    if found:
        return found[0].model_id
    tags = {"dvc.md5": model.md5, "dvc.path": model.path, "touchline.run": model.run}
    name = model.path.split("/")[-1]
    return mlflow.create_external_model(name=name, tags=tags, experiment_id=place).model_id
