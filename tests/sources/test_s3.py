"""A bucket laid out like a folder of one's own is read like one."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.downloads import downloaded, params
from tests.films import film
from tests.store import store
from touchline.errors import InputError
from touchline.records.label import Label
from touchline.records.table import read_records
from touchline.records.video import Video

GAME = 'season/It\'s "one" ü'
LABELS = {
    "annotations": [
        {"gameTime": "1 - 00:01", "label": "Goal", "position": "1000", "team": "home"},
        {"gameTime": "2 - 00:01", "label": "Corner", "position": "1500", "team": "away"},
    ]
}


@pytest.fixture
def bucket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, Any]]:
    monkeypatch.setenv("TOUCHLINE_DOWNLOADS", str(tmp_path / "downloads"))
    with store(monkeypatch, "matches") as (address, client):
        for half in (1, 2):
            own = film(tmp_path / "origin" / f"{half}_224p.mkv", seed=half)
            client.upload_file(str(own), "matches", f"soccer/{GAME}/{half}_224p.mkv")
        body = json.dumps(LABELS).encode()
        client.put_object(Bucket="matches", Key=f"soccer/{GAME}/Labels-v2.json", Body=body)
        client.put_object(Bucket="matches", Key="soccer/notes.txt", Body=b"not for us")
        client.put_object(Bucket="matches", Key="soccer-too/1.mkv", Body=b"another folder")
        yield address, client


def run(tmp_path: Path, address: str, **more: Any) -> dict[str, float]:
    settings = {
        "bucket": "matches", "prefix": "soccer", "endpoint": address, "connections": 2,
        "sport": "soccer", "licence": "ours", "terms": "nda", "known": "",
    }  # fmt: skip
    return downloaded(tmp_path, params("stop", {"s3": settings | more}))


def test_a_bucket_is_read_like_a_folder(bucket: tuple[str, Any], tmp_path: Path) -> None:
    totals = run(tmp_path, bucket[0])
    assert (totals["videos"], totals["matches"], totals["labels"]) == (2, 1, 2)
    videos = read_records(tmp_path / "manifest/videos.parquet", Video)
    assert [video.id for video in videos] == [f"s3/{GAME}/1", f"s3/{GAME}/2"]
    assert {video.terms for video in videos} == {"nda"}
    for half in (1, 2):
        origin = (tmp_path / f"origin/{half}_224p.mkv").read_bytes()
        assert (tmp_path / "videos/s3" / GAME / f"{half}_224p.mkv").read_bytes() == origin
    assert [one.start for one in read_records(tmp_path / "manifest/labels.parquet", Label)] == [
        1.0,
        1.5,
    ]


def test_no_key_is_in_any_product(bucket: tuple[str, Any], tmp_path: Path) -> None:
    run(tmp_path, bucket[0])
    written = [p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()]
    assert written and not any(b"topsecret" in text for text in written)


def test_a_key_that_leads_out_of_the_folder_is_refused(
    bucket: tuple[str, Any], tmp_path: Path
) -> None:
    bucket[1].put_object(Bucket="matches", Key="soccer/a/../../../evil.mkv", Body=b"x")
    with pytest.raises(InputError, match=r"'a/\.\./\.\./\.\./evil\.mkv': could lead out"):
        run(tmp_path, bucket[0])
    assert not list(tmp_path.parent.glob("evil.mkv")) and not (tmp_path / "videos").exists()


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        ({"prefix": "hockey"}, "s3://matches/hockey/: holds no video; check"),
        ({"bucket": "nowhere"}, r"s3://nowhere/soccer/: is not there \(404\)"),
        ({"bucket": "../etc"}, "bucket: String should match pattern"),
        ({"connections": 0}, "connections: Input should be greater than or equal to 1"),
    ],
)
def test_a_wrong_setting_is_a_sentence(
    bucket: tuple[str, Any], tmp_path: Path, more: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(InputError, match=sentence):
        run(tmp_path, bucket[0], **more)
