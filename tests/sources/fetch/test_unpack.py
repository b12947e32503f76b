"""A hostile archive is refused with its name and the member's, and nothing of it stays."""

import gzip
import io
import stat
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from touchline.errors import InputError
from touchline.sources.fetch.unpack import ArchiveLimits, unpack_archive

SMALL = ArchiveLimits(members=50, bytes=10**7, ratio=100.0, free=10**5)
ODD = 'it\'s "a" match/ü é.json'
Make = Callable[[Path, str, bytes], None]


def zipped(path: Path, name: str, data: bytes) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as box:
        box.writestr(zipfile.ZipInfo(name), data, zipfile.ZIP_DEFLATED)


def tarred(path: Path, name: str, data: bytes) -> None:
    with tarfile.open(path, "w:gz") as box:
        one = tarfile.TarInfo(name)
        one.size = len(data)
        box.addfile(one, io.BytesIO(data))


def refused(archive: Path, **more: object) -> str:
    """The sentence; the folder around must be as it was."""
    work = archive.parent / "work"
    work.mkdir(exist_ok=True)
    before = sorted(archive.parent.rglob("*"))
    with pytest.raises(InputError) as fault:
        unpack_archive(archive, work / "own", limits=SMALL, **more)  # type: ignore[arg-type]
    assert sorted(archive.parent.rglob("*")) == before
    assert str(archive) in str(fault.value)
    return str(fault.value)


@pytest.mark.parametrize("packing", ["w", "w:gz", "w:bz2", "w:xz", "zip"])
def test_an_honest_archive_is_unpacked_whole(tmp_path: Path, packing: str) -> None:
    (tmp_path / "in" / Path(ODD).parent).mkdir(parents=True)
    (tmp_path / "in" / ODD).write_bytes(b"{}")
    (tmp_path / "in/b").write_bytes(b"b" * 3_000_000)
    archive = tmp_path / "archive"
    if packing == "zip":
        with zipfile.ZipFile(archive, "w") as box:
            for path in sorted((tmp_path / "in").rglob("*")):
                box.write(path, path.relative_to(tmp_path / "in"))
    else:
        with tarfile.open(archive, packing) as box:  # type: ignore[call-overload]
            box.add(tmp_path / "in", ".")
    assert unpack_archive(archive, tmp_path / "own") == [Path("b"), Path(ODD)]
    assert (tmp_path / "own/b").read_bytes() == b"b" * 3_000_000


@pytest.mark.parametrize("make", [zipped, tarred])
@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("../evil", "'../evil': could lead out of its folder"),
        ("a/../../evil", "could lead out of its folder"),
        ("/tmp/evil", "'/tmp/evil': is not a relative path"),
        ("C:/evil", "is not a relative path"),
        ("..\\evil", "a backslash in its name"),
        ("a/" + "n" * 201, "has a name of 201 bytes"),
    ],
)
def test_a_path_that_leads_out_is_refused(
    tmp_path: Path, make: Make, name: str, sentence: str
) -> None:
    make(tmp_path / "archive", name, b"x")
    assert sentence in refused(tmp_path / "archive")


@pytest.mark.parametrize(
    "kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE]
)
def test_links_and_devices_in_a_tar_are_refused(tmp_path: Path, kind: bytes) -> None:
    with tarfile.open(tmp_path / "archive", "w") as box:
        one = tarfile.TarInfo("door")
        one.type, one.linkname = kind, "/etc/passwd"
        box.addfile(one)
    assert "'door': is a link, a device" in refused(tmp_path / "archive")


@pytest.mark.parametrize("mode", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR])
def test_links_and_devices_in_a_zip_are_refused(tmp_path: Path, mode: int) -> None:
    with zipfile.ZipFile(tmp_path / "archive", "w") as box:
        one = zipfile.ZipInfo("door")
        one.external_attr = (mode | 0o777) << 16
        box.writestr(one, "/etc")
        box.writestr("door/evil", "x")
    assert "'door': is a link, a device" in refused(tmp_path / "archive")


@pytest.mark.parametrize("make", [zipped, tarred])
def test_a_bomb_is_refused_before_it_goes_off(tmp_path: Path, make: Make) -> None:
    make(tmp_path / "ratio", "zeros", bytes(9_000_000))
    assert "times its size: a bomb" in refused(tmp_path / "ratio")
    make(tmp_path / "size", "zeros", bytes(11_000_000))
    assert "unpacks to more than 10000000 bytes" in refused(tmp_path / "size")


def test_a_zip_that_lies_about_its_size_is_refused(tmp_path: Path) -> None:
    zipped(tmp_path / "archive", "zeros", bytes(2_000_000))
    raw = (tmp_path / "archive").read_bytes()
    (tmp_path / "archive").write_bytes(
        raw.replace((2_000_000).to_bytes(4, "little"), (1_000).to_bytes(4, "little"))
    )
    assert "'zeros': is damaged" in refused(tmp_path / "archive")


def test_too_many_members_are_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "archive", "w") as box:
        for number in range(60):
            box.writestr(f"{number}", b"")
    assert "the archive has more than 50 members" in refused(tmp_path / "archive")


def test_a_tar_header_of_absurd_length_is_not_read_into_memory(tmp_path: Path) -> None:
    header = tarfile.TarInfo("x")
    header.type, header.size = tarfile.XHDTYPE, 2**33 - 1
    with gzip.open(tmp_path / "archive", "wb") as file:
        file.write(header.tobuf(tarfile.USTAR_FORMAT) + bytes(100_000))
    assert "is damaged" in refused(tmp_path / "archive") or "neither" in refused(
        tmp_path / "archive"
    )


def test_a_member_that_comes_twice_or_lies_in_a_file_is_refused(tmp_path: Path) -> None:
    for archive, names in (("twice", "aa"), ("inside", ("a", "a/b")), ("over", ("a/b", "a"))):
        with zipfile.ZipFile(tmp_path / archive, "w") as box:
            for name in names:
                if name not in box.namelist():
                    box.writestr(name, b"x")
                else:
                    with pytest.warns(UserWarning, match="Duplicate"):
                        box.writestr(name, b"y")
    assert "'a': is in the archive twice" in refused(tmp_path / "twice")
    assert "'a/b': lies where another member lies" in refused(tmp_path / "inside")
    assert "'a': lies where another member lies" in refused(tmp_path / "over")


@pytest.mark.parametrize("make", [zipped, tarred])
def test_a_cut_or_damaged_archive_is_refused(tmp_path: Path, make: Make) -> None:
    data = b"".join(bytes([n % 251, n % 7]) for n in range(100_000))
    make(tmp_path / "archive", "a.json", data)
    raw = (tmp_path / "archive").read_bytes()
    (tmp_path / "cut").write_bytes(raw[: len(raw) // 2])
    assert "is damaged" in refused(tmp_path / "cut")
    mid = len(raw) // 2
    hit = raw[:mid] + bytes(b ^ 255 for b in raw[mid : mid + 10]) + raw[mid + 10 :]
    (tmp_path / "hit").write_bytes(hit)
    assert "is damaged" in refused(tmp_path / "hit")


@pytest.mark.parametrize("at", [1024, 1024 + 200])
def test_a_tar_that_breaks_off_between_members_is_refused(tmp_path: Path, at: int) -> None:
    with tarfile.open(tmp_path / "archive", "w") as box:
        for name in "ab":
            one = tarfile.TarInfo(name)
            one.size = 5
            box.addfile(one, io.BytesIO(b"hello"))
    raw = (tmp_path / "archive").read_bytes()
    (tmp_path / "cut").write_bytes(raw[:at])
    assert "is damaged" in refused(tmp_path / "cut")
    (tmp_path / "hit").write_bytes(raw[:at] + b"junk" + raw[at + 4 :])
    assert "is damaged" in refused(tmp_path / "hit")


@pytest.mark.parametrize("data", [b"", b"<html>denied</html>"])
def test_what_is_no_archive_is_named(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "archive").write_bytes(data)
    assert "is neither zip nor tar" in refused(tmp_path / "archive")


def test_a_missing_password_names_its_variable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    zipped(tmp_path / "archive", "a", b"x")
    raw = bytearray((tmp_path / "archive").read_bytes())
    for magic, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        raw[raw.index(magic) + at] |= 1
    (tmp_path / "archive").write_bytes(raw)
    monkeypatch.delenv("SOCCERNET_PASSWORD", raising=False)
    told = refused(tmp_path / "archive", token="SOCCERNET_PASSWORD")
    assert "'a': is encrypted; set SOCCERNET_PASSWORD" in told
    monkeypatch.setenv("SOCCERNET_PASSWORD", "nda")
    told = refused(tmp_path / "archive", token="SOCCERNET_PASSWORD")
    assert "nda" not in told
    assert "does not open with the password given" in told or "is damaged" in told


def test_a_folder_unpacked_before_stays_when_the_next_archive_is_refused(tmp_path: Path) -> None:
    zipped(tmp_path / "good", "a", b"x")
    unpack_archive(tmp_path / "good", tmp_path / "own")
    zipped(tmp_path / "evil", "../a", b"y")
    with pytest.raises(InputError):
        unpack_archive(tmp_path / "evil", tmp_path / "own")
    assert (tmp_path / "own/a").read_bytes() == b"x"
