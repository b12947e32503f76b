"""What is copied from a folder, and which names may lead to a file."""

import zipfile
from pathlib import Path

import pytest

from touchline.errors import InputError
from touchline.sources.folder import VIDEO_PATTERNS, VideoFiles, check_file_name, copy_source_files
from touchline.sources.readers import MAX_LABEL_FILE_BYTES
from touchline.sources.source import SourcePart

PARTS = (
    SourcePart("labels", ("**/*.csv",), "https://example.org", "Free."),
    SourcePart("videos", VIDEO_PATTERNS, "https://example.org", "Free."),
)


def test_labels_and_videos_are_copied_into_like_folders_and_nothing_else(tmp_path: Path) -> None:
    raw, own = tmp_path / "raw", tmp_path / "own"
    for name in ("a/b c.csv", "a/film é.mp4", "secret.txt"):
        (raw / name).parent.mkdir(parents=True, exist_ok=True)
        (raw / name).write_bytes(name.encode())
    copy_source_files("mine", str(raw), PARTS, own)
    assert {path.relative_to(own).as_posix() for path in own.rglob("*") if path.is_file()} == {
        "a/b c.csv", "a/film é.mp4",
    }  # fmt: skip
    assert (own / "a/film é.mp4").read_bytes() == "a/film é.mp4".encode()


def test_labels_alone_will_do_but_videos_alone_will_not(tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    raw.mkdir()
    (raw / "a.mp4").write_bytes(b"x")
    with pytest.raises(InputError, match=r"holds no .*csv; set download\.sources\.mine\.folder"):
        copy_source_files("mine", str(raw), PARTS, tmp_path / "own")
    (raw / "a.mp4").rename(raw / "a.csv")
    copy_source_files("mine", str(raw), PARTS, tmp_path / "own")


def test_a_label_file_of_two_gigabytes_is_refused_before_anything_is_copied(tmp_path: Path) -> None:
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw/a.csv").write_text("x")
    with (tmp_path / "raw/b.csv").open("wb") as file:
        file.truncate(2 * 2**30)
    with pytest.raises(
        InputError, match=f"has 2048 MiB, more than the {MAX_LABEL_FILE_BYTES // 2**20}"
    ):
        copy_source_files("mine", str(tmp_path / "raw"), PARTS, tmp_path / "own")
    assert not (tmp_path / "own").exists()


def test_an_archive_does_as_well_as_a_folder(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "raw.zip", "w") as archive:
        archive.writestr("set/a.csv", "x")
        archive.writestr("set/readme.txt", "y")
    copy_source_files("mine", str(tmp_path / "raw.zip"), PARTS, tmp_path / "own")
    assert [path.name for path in (tmp_path / "own").rglob("*") if path.is_file()] == ["a.csv"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["own", "raw.zip"]


def test_an_archive_that_leads_out_of_its_folder_leaves_nothing(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "raw.zip", "w") as archive:
        archive.writestr("a.csv", "x")
        archive.writestr("../../outside.csv", "y")
    with pytest.raises(InputError, match=r"outside\.csv"):
        copy_source_files("mine", str(tmp_path / "raw.zip"), PARTS, tmp_path / "own/mine")
    assert [path.name for path in tmp_path.rglob("*.csv")] == []


def test_letters_written_in_two_ways_are_one_name(tmp_path: Path) -> None:
    (tmp_path / "Cafe\u0301.MP4".replace("MP4", "mp4")).write_bytes(b"x")
    assert VideoFiles(tmp_path).find("here", "caf\u00e9") == Path("Cafe\u0301.mp4")
    assert VideoFiles(tmp_path).find("here", "other") is None


@pytest.mark.parametrize(
    "name",
    ["", ".", "..", "a/b", "/etc/passwd", "a\\b", "..\\a", "a\x00", "a\n", " a", "a ", "\ud800", 7,
     None, ["a"], "x" * 300, "é" * 200],
)  # fmt: skip
def test_a_name_that_leads_elsewhere_is_refused(name: object) -> None:
    with pytest.raises(InputError, match="here: "):
        check_file_name("here", name)


@pytest.mark.parametrize("name", ["a", "a b", "o'neil", 'say "é"', "試合", "...a", "a..b", "-rf"])
def test_a_name_may_hold_quotes_blanks_and_any_letter(name: str) -> None:
    assert check_file_name("here", name) == name
