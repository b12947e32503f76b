"""Candidate kind `registry`: a model of the MLflow registry, such as `models:/student@champion`.

The registry holds names, aliases and DVC digests; the weights are linked from DVC's cache into a
folder. MLflow is imported only when such a candidate is used.
"""

import json
import os
import re
import shutil
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from touchline.atomic import atomic_folder
from touchline.errors import InputError
from touchline.evaluation.candidates.candidate import EvalSettings
from touchline.evaluation.candidates.model import VisionCandidate
from touchline.state_dirs import get_checkpoint_root

REGISTRY_ADDRESS = re.compile(r"models:/([^@/]+)@([\w-]+)")
DVC_DIGEST_TAG = "dvc.md5"
CACHE_REMEDY = "bring it with `dvc pull`, or take the run up again"


class RegistryCandidate(VisionCandidate):
    """`model` is models:/NAME@ALIAS; the alias is resolved when the evaluation begins."""

    kind: Literal["registry"]
    model: str = Field(pattern=REGISTRY_ADDRESS.pattern)

    def weights(self, settings: EvalSettings) -> list[Path]:
        return [restore_model_folder(resolve_registry_digest(self.model))]


def resolve_registry_digest(address: str) -> str:
    """The DVC digest of the folder behind a registry address. Raises `InputError` for an unknown
    alias or a version without a digest.
    """
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException

    name, alias = REGISTRY_ADDRESS.fullmatch(address).groups()  # type: ignore[union-attr]
    client = MlflowClient()
    try:
        version = client.get_model_version_by_alias(name, alias)
    except MlflowException as error:
        wrong = f"the registry has no such alias ({error.error_code})"
        raise InputError(address, wrong, f"register {name} and set its alias {alias}") from None
    digest = version.tags.get(DVC_DIGEST_TAG) or _logged_model_digest(client, version)
    if not digest:
        raise InputError(
            address, f"version {version.version} has no tag {DVC_DIGEST_TAG}", "register it anew"
        )
    return digest


def _logged_model_digest(client: Any, version: Any) -> str:
    """The tag of the logged model that a version points to."""
    if not version.model_id:
        return ""
    return client.get_logged_model(version.model_id).tags.get(DVC_DIGEST_TAG, "")


def restore_model_folder(digest: str) -> Path:
    """The model folder with this DVC digest, built once from hard links into DVC's cache. Raises
    `InputError` if files are missing from the cache.
    """
    folder = get_checkpoint_root().with_name("models") / digest.removesuffix(".dir")
    if folder.is_dir():
        return folder
    cache = _dvc_cache_folder()
    listing = cache / digest[:2] / digest[2:]
    if not listing.is_file():
        raise InputError(digest, f"is not in DVC's cache {cache}", CACHE_REMEDY)
    with atomic_folder(folder) as draft:
        for entry in json.loads(listing.read_text()):
            _link_file(cache / entry["md5"][:2] / entry["md5"][2:], draft, entry["relpath"])
    return folder


def _link_file(file: Path, draft: Path, name: str) -> None:
    if not file.is_file():
        raise InputError(name, f"{file.name} is not in DVC's cache", CACHE_REMEDY)
    parts = Path(name).parts
    if Path(name).is_absolute() or ".." in parts:
        raise InputError(name, "leaves the model's folder", "do not trust this cache")
    path = draft / name
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(file, path)
    except OSError:  # another disk
        shutil.copyfile(file, path)


def _dvc_cache_folder() -> Path:
    """Where DVC keeps files by md5, whatever its settings say."""
    from dvc.repo import Repo

    with Repo(os.environ.get("DVC_ROOT")) as repo:
        return Path(repo.cache.local.path)
