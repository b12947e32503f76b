"""An alias of MLflow's registry leads to the weights by their DVC digest."""

import subprocess
import sys
from pathlib import Path

import pytest

from touchline.errors import InputError
from touchline.evaluation.candidates.mlflow_registry import (
    resolve_registry_digest,
    restore_model_folder,
)
from touchline.evaluation.candidates.weights import digest_model_folder

pytestmark = pytest.mark.slow  # MLflow makes its database, DVC its cache


@pytest.fixture
def cached(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, str]:
    """A model folder in DVC's cache, and its digest."""
    repo = tmp_path / "repo"
    (repo / "model").mkdir(parents=True)
    (repo / "model/config.json").write_text("{}")
    (repo / "model/model.safetensors").write_bytes(b"weights")
    monkeypatch.setenv("DVC_NO_ANALYTICS", "1")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'mlflow.db'}")
    monkeypatch.chdir(repo)
    for command in (["init", "--no-scm", "-q"], ["add", "-q", "model"]):
        subprocess.run([Path(sys.executable).with_name("dvc"), *command], check=True)
    line = next(x for x in (repo / "model.dvc").read_text().splitlines() if "md5:" in x)
    return repo / "model", line.split()[-1]


def test_an_alias_leads_to_the_bytes_of_the_model(cached: tuple[Path, str]):
    from mlflow import MlflowClient

    folder, md5 = cached
    client = MlflowClient()
    with pytest.raises(
        InputError, match="models:/student@champion: the registry has no such alias"
    ):
        resolve_registry_digest("models:/student@champion")
    client.create_registered_model("student")
    version = client.create_model_version("student", source=str(folder), tags={"dvc.md5": md5})
    client.set_registered_model_alias("student", "champion", version.version)
    assert resolve_registry_digest("models:/student@champion") == md5
    assert digest_model_folder(restore_model_folder(md5)) == digest_model_folder(folder)
    with pytest.raises(InputError, match="is not in DVC's cache"):
        restore_model_folder("0" * 32 + ".dir")
