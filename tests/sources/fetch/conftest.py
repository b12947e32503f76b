"""Every test fetches into its own folders, from servers of its own, without anybody's keys."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.sources.fetch.origin_server import Origin, content, serving
from touchline.sources.fetch import FileRequest


@pytest.fixture(autouse=True)
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [n for n in os.environ if n.startswith("AWS_") or n.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)
    monkeypatch.delenv("HF_TOKEN", raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "no-aws-config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "no-aws-credentials"))
    monkeypatch.setenv("TOUCHLINE_DOWNLOADS", str(tmp_path / "downloads"))


@pytest.fixture
def origin() -> Iterator[Origin]:
    with serving(Origin(files={"a.bin": content(300_000)})) as started:
        yield started


@pytest.fixture
def second() -> Iterator[Origin]:
    with serving(Origin(files={"a.bin": content(300_000)})) as started:
        yield started


@pytest.fixture
def want() -> Callable[..., FileRequest]:
    def make(*urls: str, path: str = "a.bin", sha256: str = "", bytes: int = 0, token: str = ""):
        return FileRequest(path, urls, sha256, bytes, token)

    return make
