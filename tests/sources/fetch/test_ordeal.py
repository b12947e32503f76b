"""A download survives cut lines, a busy server and two kills, and fetches hardly a byte twice."""

import hashlib
from pathlib import Path

import pytest

from tests.sources.fetch.ordeal import Cutter, cutting, survive
from tests.sources.fetch.origin_server import Origin, content, serving, sha256
from tests.store import store
from touchline.sources.fetch import manifest

MIB = 2**20
TWICE = 0.05  # of the file's bytes may come more than once


@pytest.mark.parametrize("size", [64 * MIB, pytest.param(2048 * MIB, marks=pytest.mark.slow)])
def test_a_download_over_http_survives(tmp_path: Path, size: int) -> None:
    block = content(min(size, 64 * MIB))
    film = tmp_path / "film.bin"
    with film.open("wb") as file:
        for _ in range(size // len(block)):
            file.write(block)
    digest = digest_of(film)
    busy = Origin({"film.bin": film}, drop=size // 40, busy=13, pause=0.0005 if size < 2**30 else 0)
    with serving(busy) as origin:
        survive(origin.url("film.bin"), tmp_path / "own", digest, size, lambda: origin.served)
    assert digest_of(tmp_path / "own/film.bin") == digest
    row = manifest.read_fetch_manifest(tmp_path / "own/fetched.json")["film.bin"]
    assert (row.bytes, row.sha256) == (size, digest)
    assert len(origin.seen) > 40
    assert size <= origin.served <= (1 + TWICE) * size


def test_a_download_over_s3_survives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    film = content(64 * MIB)
    with store(monkeypatch, "films") as (address, client):
        client.put_object(Bucket="films", Key="cup/film.bin", Body=film)
        host, port = address.removeprefix("http://").split(":")
        with cutting(Cutter((host, int(port)), cut=len(film) // 12, pause=0.0005)) as line:
            url, endpoint = "s3://films/cup/film.bin", f"http://127.0.0.1:{line.port}"
            survive(url, tmp_path / "own", "", len(film), lambda: line.served, endpoint)
    assert sha256((tmp_path / "own/film.bin").read_bytes()) == sha256(film)
    assert line.cuts >= 8
    assert len(film) <= line.served <= (1 + TWICE) * len(film)


def digest_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
