"""A fetch brings the right bytes, goes on where it was, and says what is wrong in a sentence."""

import json
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from threading import Event

import pytest

from tests.sources.fetch.origin_server import QUICK, Origin, content, sha256
from touchline.errors import InputError
from touchline.sources.fetch import FetchedFile, FileRequest, fetch_files
from touchline.sources.fetch.part import count_part_bytes, lock_download_part
from touchline.sources.fetch.request import FileDownload, TransientFetchError

Want = Callable[..., FileRequest]
DATA = content(300_000)


def brought(
    folder: Path, *wanted: FileRequest, workers: int = 2, **more: object
) -> list[FetchedFile]:
    return fetch_files(wanted, folder, workers, retry_policy=QUICK, **more)  # type: ignore[arg-type]


def said(folder: Path, *wanted: FileRequest, **more: object) -> str:
    with pytest.raises(InputError) as fault:
        brought(folder, *wanted, **more)
    assert not (folder / "fetched.json").exists()
    return str(fault.value)


def test_a_file_comes_with_its_size_and_digest_in_a_manifest(
    origin: Origin, want: Want, tmp_path: Path
) -> None:
    (row,) = brought(tmp_path / "own", want(origin.url("a.bin"), path="deep/er/a.bin"))
    assert (tmp_path / "own/deep/er/a.bin").read_bytes() == DATA
    assert row == FetchedFile("deep/er/a.bin", 300_000, sha256(DATA), "", 0.0, 0, 0.0)
    assert json.loads((tmp_path / "own/fetched.json").read_text()) == [vars(row)]


def test_a_cut_line_is_taken_up_where_it_broke(origin: Origin, want: Want, tmp_path: Path) -> None:
    origin.drop = 70_000
    brought(tmp_path, want(origin.url("a.bin")))
    assert (tmp_path / "a.bin").read_bytes() == DATA
    assert 300_000 <= origin.served <= 315_000  # a busy machine may lose what was under way
    assert len(origin.seen) >= 5


def test_a_draft_thrown_away_costs_no_second_transfer(
    origin: Origin, want: Want, tmp_path: Path
) -> None:
    brought(tmp_path / "draft", want(origin.url("a.bin")))
    brought(tmp_path / "next", want(origin.url("a.bin")))
    assert (tmp_path / "next/a.bin").read_bytes() == DATA and origin.served == 300_000


def test_a_file_that_changed_at_its_origin_is_fetched_anew(
    origin: Origin, want: Want, tmp_path: Path
) -> None:
    brought(tmp_path / "draft", want(origin.url("a.bin")))
    origin.etag, origin.files["a.bin"] = '"v2"', b"mended labels"
    brought(tmp_path / "next", want(origin.url("a.bin")))
    assert (tmp_path / "next/a.bin").read_bytes() == b"mended labels"
    assert (tmp_path / "draft/a.bin").read_bytes() == DATA


def test_a_part_of_a_file_that_changed_is_not_continued(
    origin: Origin, want: Want, tmp_path: Path
) -> None:
    _leave_a_part(origin)
    origin.etag, origin.files["a.bin"], origin.drop = '"v2"', content(200_000, 2), 0
    brought(tmp_path / "next", want(origin.url("a.bin")))
    assert (tmp_path / "next/a.bin").read_bytes() == content(200_000, 2)


def _leave_a_part(origin: Origin) -> None:
    """100 kB of the file are here, as after a kill."""
    cut = FileDownload(0, 300_000, origin.etag, [DATA[:100_000]])
    with (
        lock_download_part(origin.url("a.bin")) as part,
        pytest.raises(TransientFetchError, match="at 100000 of 300000"),
    ):
        part.write_download(cut, lambda _: None, Event())
    assert count_part_bytes(origin.url("a.bin")) == 100_000


def test_nothing_is_continued_without_a_mark_unless_the_digest_is_known(
    origin: Origin, want: Want, tmp_path: Path
) -> None:
    origin.etag, origin.drop = "", 200_000
    assert "breaks off" in said(tmp_path / "a", want(origin.url("a.bin")))
    brought(tmp_path / "b", want(origin.url("a.bin"), sha256=sha256(DATA)))
    assert (tmp_path / "b/a.bin").read_bytes() == DATA


def test_a_server_without_ranges_still_gives_its_file(
    origin: Origin, want: Want, tmp_path: Path
) -> None:
    _leave_a_part(origin)
    origin.ranges, origin.drop = False, 0
    brought(tmp_path, want(origin.url("a.bin")))
    assert (tmp_path / "a.bin").read_bytes() == DATA


def test_pieces_that_do_not_fit_are_fetched_once_more_from_the_start(
    origin: Origin, want: Want, tmp_path: Path
) -> None:
    _leave_a_part(origin)
    with lock_download_part(origin.url("a.bin")) as part:
        part.file.write_bytes(b"0" * 100_000)  # a power cut can do that
    origin.drop = 0
    brought(tmp_path, want(origin.url("a.bin"), sha256=sha256(DATA)))
    assert (tmp_path / "a.bin").read_bytes() == DATA
    assert "Range" not in origin.seen[-1][1] and "Range" in origin.seen[-2][1]


def test_a_kept_file_that_something_damaged_is_fetched_again(
    origin: Origin, want: Want, tmp_path: Path
) -> None:
    brought(tmp_path / "draft", want(origin.url("a.bin")))
    with lock_download_part(origin.url("a.bin")) as part:
        os.truncate(part.file, 0)
        part.file.write_bytes(DATA[::-1])
    brought(tmp_path / "next", want(origin.url("a.bin")))
    assert (tmp_path / "next/a.bin").read_bytes() == DATA


def test_a_busy_server_is_given_the_time_it_asks_for(
    origin: Origin, want: Want, tmp_path: Path
) -> None:
    origin.busy, origin.drop, origin.retry_after = 2, 200_000, "1"
    began = time.monotonic()
    fetch_files(
        [want(origin.url("a.bin"))], tmp_path / "a", 1, retry_policy=replace(QUICK, longest=2.0)
    )
    assert time.monotonic() - began >= 1
    assert (tmp_path / "a/a.bin").read_bytes() == DATA and len(origin.seen) == 3
    origin.status, origin.headers = 503, {"Retry-After": "3600"}
    told = said(tmp_path / "b", want(origin.url("a.bin")))
    assert "answers 503 and asks to wait 3600 s; run again: what is here is kept" in told


def test_files_come_several_at_a_time_but_not_more_than_asked_for(
    origin: Origin, want: Want, tmp_path: Path
) -> None:
    origin.files |= {f"{n}.bin": content(5_000, n) for n in range(40)}
    origin.pause = 0.02
    many = [want(origin.url(f"{n}.bin"), path=f"{n}.bin") for n in range(40)]
    rows = brought(tmp_path, *many, workers=4)
    assert [row.path for row in rows] == [f"{n}.bin" for n in range(40)]
    assert [row.sha256 for row in rows] == [sha256(content(5_000, n)) for n in range(40)]
    assert 2 <= origin.busiest <= 4


@pytest.mark.parametrize(
    ("status", "sentence"),
    [
        (401, r"asks for a credential.*\(401\); set HF_TOKEN"),
        (403, r"refuses access \(403\); ask its owner for access, then set HF_TOKEN"),
        (404, r"is not there \(404\); check the address"),
        (410, r"is not there any more"),
        (418, r"answers 418"),
        (500, r"answers 500, 3 times in a row; run again"),
    ],
)
def test_a_refusal_is_a_sentence(
    origin: Origin, want: Want, tmp_path: Path, status: int, sentence: str
) -> None:
    origin.status = status
    told = said(tmp_path, want(origin.url("a.bin"), token="HF_TOKEN"))
    assert told.startswith(origin.url("a.bin")) and re.search(sentence, told), told


def test_a_host_that_refuses_or_is_unknown_is_a_sentence(want: Want, tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    told = said(tmp_path, want(f"http://127.0.0.1:{port}/a.bin"))
    assert "cannot be reached" in told and "refused" in told
    told = said(tmp_path, want("http://nowhere.invalid/a.bin"))
    assert "http://nowhere.invalid/a.bin: cannot be reached" in told and "3 times" in told


def test_wrong_sizes_and_digests_are_sentences(origin: Origin, want: Want, tmp_path: Path) -> None:
    told = said(tmp_path, want(origin.url("a.bin"), bytes=299_999))
    assert "has 300000 bytes, not 299999 as stated" in told
    told = said(tmp_path, want(origin.url("a.bin"), sha256="0" * 64))
    assert f"has the sha256 {sha256(DATA)[:12]}..., not 000000000000... as stated" in told
    assert count_part_bytes(origin.url("a.bin")) == 0


def test_a_web_page_is_not_taken_for_a_video(origin: Origin, want: Want, tmp_path: Path) -> None:
    origin.files["a.mkv"], origin.headers = b"<html>log in</html>", {"Content-Type": "text/html"}
    assert "is a web page, not the file" in said(tmp_path, want(origin.url("a.mkv")))


def test_a_full_disk_is_told_before_the_first_byte(
    origin: Origin, want: Want, tmp_path: Path
) -> None:
    told = said(tmp_path, want(origin.url("a.bin"), bytes=10**15))
    assert re.search(r"needs 953674316 MiB, and \d+ MiB are free; free some space", told)
    assert not origin.seen
    origin.headers = {"Content-Length": str(10**15)}
    assert "needs 953674316 MiB" in said(tmp_path, want(origin.url("a.bin")))


def test_a_disk_that_fills_up_is_a_sentence(origin: Origin, tmp_path: Path) -> None:
    origin.lengthless = True
    script = (
        "from pathlib import Path; from touchline.sources.fetch import FileRequest, fetch_files\n"
        f"request = FileRequest('a.bin', ('{origin.url('a.bin')}',), '', 0, '')\n"
        "fetch_files([request], Path('own'), 1)"
    )
    inside = f"mount -t tmpfs -o size=200k none {tmp_path} && cd {tmp_path} && $PYTHON -c '$SCRIPT'"
    inside = inside.replace("'$SCRIPT'", '"$SCRIPT"')
    names = {"PYTHON": sys.executable, "SCRIPT": script, "PYTHONPATH": str(Path.cwd())}
    ran = subprocess.run(
        ["unshare", "-rm", "sh", "-c", inside],
        env={**os.environ, **names}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if "unshare" in ran.stderr or "mount:" in ran.stderr:
        pytest.skip("no small disk can be made here")
    assert "the disk is full (0 MiB free); free some space and rerun" in ran.stderr


def test_the_next_mirror_is_asked_when_one_cannot_give_the_file(
    origin: Origin, second: Origin, want: Want, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    origin.files["a.bin"] = content(300_000, 9)
    lost = "http://nowhere.invalid/"
    asked = want(lost, origin.url("a.bin"), second.url("a.bin"), sha256=sha256(DATA))
    second.status = 404
    told = said(tmp_path / "none", asked)
    assert "nowhere.invalid" in told and "not there (404)" in told and "has the sha256" in told
    second.status = 0
    brought(tmp_path / "own", asked)
    assert (tmp_path / "own/a.bin").read_bytes() == DATA
    assert f"a.bin comes from {second.url('a.bin')}" in capfd.readouterr().err


def test_a_folder_on_disk_is_a_mirror(want: Want, tmp_path: Path) -> None:
    odd = 'it\'s "a" match #1 ?ü%20.bin'
    (tmp_path / "disk").mkdir()
    (tmp_path / "disk" / odd).write_bytes(DATA)
    brought(tmp_path / "own", want((tmp_path / "disk").as_uri() + "/", path=odd))
    assert (tmp_path / "own" / odd).read_bytes() == DATA
    told = said(tmp_path / "none", want((tmp_path / "disk/b").as_uri()))
    assert told == f"{tmp_path}/disk/b: is not there; check the folder"


def test_the_first_failure_stops_the_others(origin: Origin, want: Want, tmp_path: Path) -> None:
    origin.files |= {f"{n}.bin": content(1_000, n) for n in range(50)}
    many = [want(origin.url(f"{n}.bin"), path=f"{n}.bin") for n in range(50)]
    assert "not there (404)" in said(tmp_path, want(origin.url("lost")), *many, workers=1)
    assert len(origin.seen) < 10


def test_progress_is_told_in_mib_of_all(
    origin: Origin, want: Want, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    origin.files["a.bin"] = content(3 * 2**20)
    brought(tmp_path, want(origin.url("a.bin"), bytes=3 * 2**20))
    assert re.search(r"^fetch 3/3 100% 0:\d\d MiB, 1 of 1 files$", capfd.readouterr().err, re.M)
