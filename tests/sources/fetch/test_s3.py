"""Objects of a bucket come whole and checked, and what S3 refuses is said in a sentence."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.sources.fetch.origin_server import QUICK, Origin, content, sha256
from tests.store import store
from touchline.errors import InputError
from touchline.sources.fetch import FileRequest, fetch_files
from touchline.sources.fetch.part import lock_download_part
from touchline.sources.fetch.s3 import build_s3_url, list_s3_objects

Want = Callable[..., FileRequest]
ODD = 'cup/it\'s "a" match #1 ?ü%20+.bin'


@pytest.fixture
def bucket(alone: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, Any]]:
    with store(monkeypatch, "games") as (address, client):
        client.put_object(Bucket="games", Key=ODD, Body=content(200_000))
        yield address, client


def test_an_object_comes_whole_whatever_its_key(
    bucket: tuple[str, Any], want: Want, tmp_path: Path
) -> None:
    address, _ = bucket
    (row,) = fetch_files([want(build_s3_url("games", ODD), path=ODD)], tmp_path, 2, address)
    assert (tmp_path / ODD).read_bytes() == content(200_000)
    assert row.sha256 == sha256(content(200_000))
    (listed,) = list_s3_objects("games", "cup/", address, 5)
    assert (listed.key, listed.size) == (ODD, 200_000) and listed.etag


def test_the_address_may_come_from_the_environment(
    bucket: tuple[str, Any], want: Want, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", bucket[0])
    fetch_files([want("s3://games/", path=ODD)], tmp_path, 2)
    assert (tmp_path / ODD).read_bytes() == content(200_000)


def test_an_unchanged_object_is_not_sent_again_and_a_changed_one_is(
    bucket: tuple[str, Any], want: Want, tmp_path: Path
) -> None:
    address, client = bucket
    asked = [want(build_s3_url("games", ODD))]
    fetch_files(asked, tmp_path / "a", 1, address)
    with lock_download_part(asked[0].urls[0]) as part:
        before = part.file.stat().st_ino
    fetch_files(asked, tmp_path / "b", 1, address)
    with lock_download_part(asked[0].urls[0]) as part:
        assert part.file.stat().st_ino == before
    client.put_object(Bucket="games", Key=ODD, Body=b"mended")
    fetch_files(asked, tmp_path / "c", 1, address)
    assert (tmp_path / "c/a.bin").read_bytes() == b"mended"
    assert (tmp_path / "b/a.bin").read_bytes() == content(200_000)


def test_a_part_of_an_object_that_changed_is_not_continued(
    bucket: tuple[str, Any], want: Want, tmp_path: Path
) -> None:
    address, client = bucket
    asked = [want(build_s3_url("games", ODD))]
    fetch_files(asked, tmp_path / "a", 1, address)
    with lock_download_part(asked[0].urls[0]) as part:
        part.file.unlink()
        part.file.write_bytes(content(200_000)[:50_000])
    client.put_object(Bucket="games", Key=ODD, Body=content(150_000, 2))
    fetch_files(asked, tmp_path / "b", 1, address, retry_policy=QUICK)
    assert (tmp_path / "b/a.bin").read_bytes() == content(150_000, 2)


def test_metadata_that_names_another_sha256_is_a_sentence(
    bucket: tuple[str, Any], want: Want, tmp_path: Path
) -> None:
    address, client = bucket
    client.put_object(Bucket="games", Key="a", Body=b"abc", Metadata={"sha256": "0" * 64})
    with pytest.raises(
        InputError, match=r"s3://games/a: has the sha256 ba78.*not 0000.* as stated"
    ):
        fetch_files([want("s3://games/a")], tmp_path, 1, address)
    client.put_object(Bucket="games", Key="a", Body=b"abc", Metadata={"sha256": sha256(b"abc")})
    fetch_files([want("s3://games/a")], tmp_path, 1, address)


def test_an_etag_that_is_the_md5_is_held_against_a_file_in_pieces(
    bucket: tuple[str, Any], want: Want, tmp_path: Path
) -> None:
    address, _ = bucket
    asked = [want(build_s3_url("games", ODD))]
    fetch_files(asked, tmp_path / "a", 1, address)
    with lock_download_part(asked[0].urls[0]) as part:
        part.note.digests.pop("sha256")
        part._write_note(part.note)
        part.file.unlink()
        part.file.write_bytes(bytes(50_000))  # not what the object begins with
    fetch_files(asked, tmp_path / "b", 1, address)
    assert (tmp_path / "b/a.bin").read_bytes() == content(200_000)


def test_what_is_not_there_is_a_sentence(
    bucket: tuple[str, Any], want: Want, tmp_path: Path
) -> None:
    for lost in ("s3://games/lost", "s3://nowhere-at-all/a"):
        with pytest.raises(InputError, match=rf"{lost}: is not there \(404\)"):
            fetch_files([want(lost)], tmp_path, 1, bucket[0])
    with pytest.raises(InputError, match=r"s3://nowhere-at-all/cup: is not there \(404\)"):
        list_s3_objects("nowhere-at-all", "cup", bucket[0], 5)


@pytest.mark.parametrize(
    ("status", "sentence"),
    [
        (403, r"refuses access \(403\); ask its owner for access, then set AWS_ACCESS_KEY_ID and"),
        (503, r"answers 503"),
    ],
)
def test_a_refusal_names_the_variables_and_no_secret(
    origin: Origin,
    want: Want,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    status: int,
    sentence: str,
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "topsecret")
    origin.status = status
    for ask in (
        lambda: fetch_files(
            [want("s3://games/a")], tmp_path, 1, origin.url(""), retry_policy=QUICK
        ),
        lambda: list_s3_objects("games", "", origin.url(""), 5),
    ):
        with pytest.raises(InputError) as fault:
            ask()
        assert re.search(sentence, str(fault.value)) and "topsecret" not in str(fault.value)
    assert "topsecret" not in str(origin.seen)


def test_without_keys_a_bucket_is_asked_as_anybody(
    origin: Origin, want: Want, tmp_path: Path
) -> None:
    origin.files["games/a"] = b"open to all"
    fetch_files([want("s3://games/a")], tmp_path, 1, origin.url(""))
    assert (tmp_path / "a.bin").read_bytes() == b"open to all"
    assert "Authorization" not in origin.seen[0][1]


def test_a_store_that_cannot_be_reached_is_a_sentence(
    bucket: tuple[str, Any], want: Want, tmp_path: Path
) -> None:
    for ask in (
        lambda: fetch_files(
            [want("s3://games/a")], tmp_path, 1, "http://nowhere.invalid", None, QUICK
        ),
        lambda: list_s3_objects("games", "", "http://nowhere.invalid", 5),
    ):
        with pytest.raises(InputError, match=r"s3://games/a?: cannot be reached"):
            ask()
    with pytest.raises(InputError, match=r"s3://games/: cannot be asked for"):
        list_s3_objects("games", "", "not an address", 5)
