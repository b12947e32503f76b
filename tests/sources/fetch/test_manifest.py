"""A video's signature stands in the manifest, and a re-encoded copy of it is noticed."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.films import film
from tests.sources.fetch.origin_server import QUICK
from touchline.errors import InputError
from touchline.sources.fetch import FileRequest, fetch_files, manifest

Want = Callable[..., FileRequest]


def test_the_signature_of_a_video_stands_in_the_manifest(want: Want, tmp_path: Path) -> None:
    file = film(tmp_path / "disk/1_224p.mkv")
    fetch_files([want(file.as_uri(), path="cup/1_224p.mkv")], tmp_path / "own", 1)
    (row,) = json.loads((tmp_path / "own/fetched.json").read_text())
    assert (row["codec"], row["fps"], row["frames"], row["duration"]) == ("h264", 25.0, 50, 2.0)


def test_a_damaged_video_is_fetched_all_the_same(want: Want, tmp_path: Path) -> None:
    (tmp_path / "a.mkv").write_bytes(b"no video")
    (row,) = fetch_files([want((tmp_path / "a.mkv").as_uri(), path="a.mkv")], tmp_path / "own", 1)
    assert (row.codec, row.frames) == ("", 0)


@pytest.mark.parametrize(
    ("other", "sentence"),
    [
        (
            {"frames": 48},
            "it shows 48 frames in 1.92 s of h264 instead of 50 frames in 2 s of h264",
        ),
        ({"codec": "mpeg4"}, "it shows 50 frames in 2 s of mpeg4 instead of 50 frames in 2 s of"),
        ({"crf": "40"}, "though it shows as much (50 frames in 2 s of h264)"),
    ],
)
def test_a_reencoded_mirror_is_noticed_and_the_next_one_asked(
    want: Want, tmp_path: Path, other: dict[str, object], sentence: str
) -> None:
    good = film(tmp_path / "good/1.mkv").as_uri()
    worse = film(tmp_path / "worse/1.mkv", **other).as_uri()  # type: ignore[arg-type]
    fetch_files([want(good, path="1.mkv")], tmp_path / "first", 1)
    known = tmp_path / "first/fetched.json"
    with pytest.raises(InputError) as fault:
        fetch_files(
            [want(worse, path="1.mkv")],
            tmp_path / "second",
            1,
            earlier_manifest=known,
            retry_policy=QUICK,
        )
    assert "is not the file known as 1.mkv" in str(fault.value) and sentence in str(fault.value)
    rows = fetch_files(
        [want(worse, good, path="1.mkv")], tmp_path / "third", 1, earlier_manifest=known
    )
    assert rows == list(manifest.read_fetch_manifest(known).values())


def test_a_second_list_is_added_to_the_manifest(want: Want, tmp_path: Path) -> None:
    for name in "ba":
        (tmp_path / name).write_bytes(name.encode())
        fetch_files([want((tmp_path / name).as_uri(), path=name)], tmp_path / "own", 1)
    assert list(manifest.read_fetch_manifest(tmp_path / "own/fetched.json")) == ["a", "b"]


@pytest.mark.parametrize("text", [None, "[{", '[{"path": 1}]', "{}x", "[" * 9_999])
def test_a_manifest_that_is_none_is_named(want: Want, tmp_path: Path, text: str | None) -> None:
    if text is not None:
        (tmp_path / "known.json").write_text(text)
    with pytest.raises(InputError, match=r"known\.json: is (missing|not a list of fetched files)"):
        fetch_files(
            [want("file:///a")], tmp_path / "own", 1, earlier_manifest=tmp_path / "known.json"
        )
