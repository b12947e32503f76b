"""A run notices that the folder or bucket of a source has changed, and costs no time for it."""

import json
import os
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from flows.runs import raw_files
from flows.runs.raw_files import RAW_FILES, read_last_listing, write_raw_listing
from tests.store import store
from touchline.errors import InputError
from touchline.sources import SOURCES

ROOT = Path(__file__).parents[3]


class Checkout:
    """A checkout with raw data, and what its next run would list."""

    def __init__(self, root: Path) -> None:
        self.root, self.raw = root, root / "data/raw"
        self.raw.mkdir(parents=True)
        (root / "dvc.yaml").write_text(f"stages: {{download: {{deps: [{RAW_FILES}]}}}}\n")
        subprocess.run(["git", "init", "-q"], cwd=root, check=True)

    def list(self, settings: dict[str, Any], source: str = "local") -> str:
        write_raw_listing(self.root, self.root, {"download": {"sources": {source: settings}}})
        return (self.root / RAW_FILES).read_text()


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Checkout:
    monkeypatch.delenv("TOUCHLINE_RAW", raising=False)
    return Checkout(tmp_path)


def put(file: Path, text: str, seconds: int = 1_000) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    os.utime(file, (seconds, seconds))


def test_a_new_a_changed_and_a_removed_file_change_the_digest(
    checkout: Checkout, capsys: pytest.CaptureFixture[str]
) -> None:
    settings, film = {"folder": "films"}, checkout.raw / "films/a/1.mkv"
    put(film, "one")
    first = checkout.list(settings)
    assert json.loads(first)["local"]["films"]["files"] == 1
    assert checkout.list(settings) == first and capsys.readouterr().out == ""
    put(film, "two", seconds=2_000)
    second = checkout.list(settings)
    assert second != first
    assert "local: films has changed: 0 files new, 1 changed, 0 gone" in capsys.readouterr().out
    put(film.with_name("2.mkv"), "three")
    third = checkout.list(settings)
    assert third not in (first, second)
    film.with_name("2.mkv").unlink()
    assert checkout.list(settings) == second


@pytest.mark.parametrize("small_bytes", [0, 100])
def test_a_file_is_read_again_only_if_its_size_or_time_differs(
    checkout: Checkout, monkeypatch: pytest.MonkeyPatch, small_bytes: int
) -> None:
    monkeypatch.setattr(raw_files, "SMALL_BYTES", small_bytes)
    settings, film = {"folder": "films"}, checkout.raw / "films/1.mkv"
    put(film, "one")
    checkout.list(settings)
    put(film, "one", seconds=2_000)
    second = checkout.list(settings)
    put(film, "one", seconds=3_000)
    assert checkout.list(settings) == second
    put(film, "two", seconds=4_000)
    assert checkout.list(settings) != second


def test_hidden_files_and_those_of_other_folders_do_not_count(checkout: Checkout) -> None:
    put(checkout.raw / "films/1.mkv", "one")
    first = checkout.list({"folder": "films", "sport": "soccer"})
    put(checkout.raw / "films/.hidden/2.mkv", "two")
    put(checkout.raw / "films/.DS_Store", "x")
    put(checkout.raw / "others/1.mkv", "two")
    assert checkout.list({"folder": "films", "sport": "soccer"}) == first


def test_all_folders_archives_and_files_of_a_source_count(checkout: Checkout) -> None:
    settings = {"folder": "games", "echoes": "echoes", "known": "fetched.json"}
    put(checkout.raw / "games/league/season/game/Labels-v2.json", "{}")
    put(checkout.raw / "echoes/whisper/1_asr.json", "{}")
    put(checkout.raw / "fetched.json", "[]")
    seen = {checkout.list(settings)}
    for name in ("games/league/season/game/Labels-v2.json", "echoes/whisper/1_asr.json"):
        put(checkout.raw / name, "{ }", seconds=2_000)
        seen.add(checkout.list(settings))
    put(checkout.raw / "fetched.json", "[1]", seconds=2_000)
    seen.add(checkout.list(settings))
    assert len(seen) == 4


@pytest.mark.parametrize(
    "name", [name for name, one in SOURCES.items() if "folder" in one.settings.model_fields]
)
def test_the_folder_of_every_source_is_watched(checkout: Checkout, name: str) -> None:
    put(checkout.raw / "here/a.csv", "1")
    first = checkout.list({"folder": "here"}, name)
    put(checkout.raw / "here/a.csv", "2", seconds=2_000)
    assert checkout.list({"folder": "here"}, name) != first


def test_a_folder_out_of_reach_is_taken_as_it_was(
    checkout: Checkout, capsys: pytest.CaptureFixture[str]
) -> None:
    put(checkout.raw / "films/1.mkv", "one")
    first = checkout.list({"folder": "films"})
    checkout.raw.rename(checkout.root / "unmounted")
    assert checkout.list({"folder": "films"}) == first
    assert "films is out of reach, taken as it was in the last run" in capsys.readouterr().out
    assert json.loads(checkout.list({"folder": "nowhere"})) == {"local": {}}


def test_another_clone_takes_the_listing_of_the_last_run_in_git(checkout: Checkout) -> None:
    put(checkout.raw / "films/1.mkv", "one")
    first = checkout.list({"folder": "films"})

    def git(*words: str) -> None:
        identity = ["-c", "user.name=a", "-c", "user.email=a@localhost"]
        subprocess.run(["git", *identity, *words], cwd=checkout.root, check=True)

    git("add", "-f", RAW_FILES)
    git("commit", "-qm", "Run")
    git("update-ref", "refs/runs/20260101-000000-aaaaaa", "HEAD")
    (checkout.root / RAW_FILES).unlink()
    assert read_last_listing(checkout.root) == json.loads(first)


def test_a_folder_that_cannot_be_read_is_named(
    checkout: Checkout, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(checkout.raw / "films/1.mkv", "one")

    def refuse(path: str) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(raw_files.os, "scandir", refuse)
    with pytest.raises(InputError, match=r"films: cannot be read \(Permission denied"):
        checkout.list({"folder": "films"})


def test_a_thousand_matches_cost_less_than_a_second(checkout: Checkout) -> None:
    for match in range(1_000):
        for name in ("1_224p.mkv", "2_224p.mkv", "Labels-v2.json", "1_asr.json", "2_asr.json"):
            put(checkout.raw / f"films/league/{match}/{name}", name)
    first = checkout.list({"folder": "films"})
    began = time.process_time()
    assert checkout.list({"folder": "films"}) == first
    assert time.process_time() - began < 1.0


def test_a_bucket_is_watched_by_the_etags_of_its_objects(
    checkout: Checkout, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with store(monkeypatch, "matches") as (address, client):
        settings = {"bucket": "matches", "prefix": "soccer", "endpoint": address}
        client.put_object(Bucket="matches", Key="soccer/1.mkv", Body=b"one")
        first = checkout.list(settings, "s3")
        client.put_object(Bucket="matches", Key="other/1.mkv", Body=b"one")
        assert checkout.list(settings, "s3") == first
        client.put_object(Bucket="matches", Key="soccer/1.mkv", Body=b"two")
        second = checkout.list(settings, "s3")
        assert second != first
    monkeypatch.setattr(raw_files, "S3_TIMEOUT", 0.2)
    settings["endpoint"] = "http://127.0.0.1:9"
    assert checkout.list(settings, "s3") == second
    assert "s3://matches/soccer is out of reach" in capsys.readouterr().out


def test_dvc_yaml_makes_the_listing_a_dependency_of_download() -> None:
    stages = YAML(typ="safe").load(ROOT / "dvc.yaml")["stages"]
    assert RAW_FILES in stages["download"]["deps"]
