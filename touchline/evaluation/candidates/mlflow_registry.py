"""A model of MLflow's registry, such as `models:/student@champion`, found by its DVC digest.

The registry holds names, aliases and digests, no weights: those lie in DVC's cache, from which
they are linked into a folder. MLflow is imported here alone, and only when such a candidate is.
"""

import json
import os
import re
import shutil
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from touchline.atomic import whole_folder
from touchline.errors import BadInput
from touchline.evaluation.candidates.candidate import Setting
from touchline.evaluation.candidates.model import Watcher
from touchline.state_dirs import checkpoint_root

ADDRESS = re.compile(r"models:/([^@/]+)@([\w-]+)")
TAG = "dvc.md5"
MADE = "bring it with `dvc pull`, or take the run up again"


class Registry(Watcher):
    """`model` is models:/NAME@ALIAS; what it stands for is asked when the evaluation begins."""

    kind: Literal["registry"]
    model: str = Field(pattern=ADDRESS.pattern)

    def weights(self, setting: Setting) -> list[Path]:
        return [restored(registered(self.model))]


def registered(address: str) -> str:
    """The DVC digest of the folder that an alias stands for."""
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException

    name, alias = ADDRESS.fullmatch(address).groups()  # type: ignore[union-attr]
    client = MlflowClient()
    try:
        version = client.get_model_version_by_alias(name, alias)
    except MlflowException as error:
        wrong = f"the registry has no such alias ({error.error_code})"
        raise BadInput(address, wrong, f"register {name} and set its alias {alias}") from None
    digest = version.tags.get(TAG) or _of_model(client, version)
    if not digest:
        raise BadInput(address, f"version {version.version} has no tag {TAG}", "register it anew")
    return digest


def _of_model(client: Any, version: Any) -> str:
    """The tag of the logged model that a version points to."""
    if not version.model_id:
        return ""
    return client.get_logged_model(version.model_id).tags.get(TAG, "")


def restored(digest: str) -> Path:
    """The folder with this DVC digest, linked out of DVC's cache once."""
    folder = checkpoint_root().with_name("models") / digest.removesuffix(".dir")
    if folder.is_dir():
        return folder
    cache = _cache()
    listing = cache / digest[:2] / digest[2:]
    if not listing.is_file():
        raise BadInput(digest, f"is not in DVC's cache {cache}", MADE)
    with whole_folder(folder) as draft:
        for entry in json.loads(listing.read_text()):
            _link(cache / entry["md5"][:2] / entry["md5"][2:], draft, entry["relpath"])
    return folder


def _link(file: Path, draft: Path, name: str) -> None:
    if not file.is_file():
        raise BadInput(name, f"{file.name} is not in DVC's cache", MADE)
    parts = Path(name).parts
    if Path(name).is_absolute() or ".." in parts:
        raise BadInput(name, "leaves the model's folder", "do not trust this cache")
    path = draft / name
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(file, path)
    except OSError:  # another disk
        shutil.copyfile(file, path)


def _cache() -> Path:
    """Where DVC keeps files by md5, whatever its settings say."""
    from dvc.repo import Repo

    with Repo(os.environ.get("DVC_ROOT")) as repo:
        return Path(repo.cache.local.path)
