"""Credentials come from a Prefect block, and nothing else does."""

import json
import os
from pathlib import Path

import pytest

from flows.services import secrets
from touchline.errors import InputError


def hold(monkeypatch: pytest.MonkeyPatch, value: object) -> None:
    monkeypatch.setattr(secrets, "_load_block_value", lambda block, place: value)
    monkeypatch.setenv(secrets.SECRETS_VARIABLE, "night-keys")
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:1/api")


def test_credentials_are_set_and_what_is_there_wins(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    hold(monkeypatch, {"HF_TOKEN": "from the block", "AWS_SECRET_ACCESS_KEY": "s"})
    monkeypatch.setenv("HF_TOKEN", "mine")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY", raising=False)
    assert secrets.load_secrets(tmp_path) == ["AWS_SECRET_ACCESS_KEY"]
    assert (os.environ["HF_TOKEN"], os.environ.pop("AWS_SECRET_ACCESS_KEY")) == ("mine", "s")


@pytest.mark.parametrize("name", ["PATH", "LD_PRELOAD", "PYTHONPATH", "SHELL", "a_TOKEN"])
def test_a_block_cannot_change_what_is_run(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    hold(monkeypatch, json.dumps({name: "/tmp/evil"}))
    with pytest.raises(InputError, match=f"names what is not a credential: {name}") as fault:
        secrets.read_secret_block("night-keys")
    assert "evil" not in str(fault.value)


@pytest.mark.parametrize("value", ["topsecret", '["topsecret"]', '{"HF_TOKEN": {"a": 1}}'])
def test_a_block_of_another_shape_is_a_sentence_without_its_value(
    monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    hold(monkeypatch, value)
    with pytest.raises(InputError, match="let it hold a JSON object") as fault:
        secrets.read_secret_block("night-keys")
    assert "topsecret" not in str(fault.value)


def test_without_a_server_the_sentence_says_what_to_set(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv(secrets.SECRETS_VARIABLE, "night-keys")
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    with pytest.raises(InputError, match="no Prefect server to ask; set PREFECT_API_URL"):
        secrets.load_secrets(tmp_path)
    monkeypatch.delenv(secrets.SECRETS_VARIABLE)
    assert secrets.load_secrets(tmp_path) == []
