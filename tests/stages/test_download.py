"""The download stage: every row of a source has one fate, every fault one sentence."""

import json
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from stages.download import DownloadParams
from tests.downloads import downloaded, params
from touchline.config import Params
from touchline.errors import InputError
from touchline.records.label import Label
from touchline.records.speech import Speech
from touchline.records.table import read_records
from touchline.records.video import Video
from touchline.sources import SOURCES
from touchline.sources.soccernet import layout
from touchline.sources.synthetic import SYNTHETIC
from touchline.sources.synthetic.render import plan_match, render_half

SMALL = {
    "seed": 7,
    "matches": {"soccer": 1, "badminton": 1, "basketball": 0},
    "half_seconds": 20,
}


class Settings(Params):
    folder: str


def copied(settings: Settings, folder: Path, executor: Executor) -> None:
    shutil.copytree(settings.folder, folder)


@pytest.fixture
def match(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A game folder of a source that copies what a test has prepared there."""
    source = replace(
        SYNTHETIC,
        name="prepared",
        settings=Settings,
        download=copied,
        videos=lambda settings, own: layout.list_game_videos("prepared", own, lambda _: "soccer"),
        labels=lambda settings, own, f: layout.read_game_labels(
            "prepared", own, f, lambda _: "soccer"
        ),
        speech=lambda settings, own, found: layout.read_game_speech("prepared", own, found),
    )
    monkeypatch.setitem(SOURCES, "prepared", source)
    planned = plan_match("soccer", 7, 0, 20)
    for half in (1, 2):
        render_half(planned, half, tmp_path / "prepared")
    yield tmp_path / "prepared" / planned.folder


def download(on_fault: str, **sources: dict[str, Any]) -> DownloadParams:
    return params(on_fault, sources)


def run(tmp_path: Path, on_fault: str) -> tuple[dict[str, float], dict[str, str]]:
    """Totals, and the reasons of dropped rows by the end of their id."""
    given = download(on_fault, prepared={"folder": str(tmp_path / "prepared")})
    totals = downloaded(tmp_path, given)
    rows = pq.read_table(tmp_path / "manifest/ledger.parquet").to_pylist()
    assert len(rows) == totals["rows"] == totals["kept"] + totals["dropped"]
    return totals, {
        row["row"].split("Kelso/")[-1]: row["reason"] for row in rows if row["state"] == "dropped"
    }


def edit(file: Path, change: Callable[[Any], Any]) -> None:
    content = json.loads(file.read_text())
    change(content)
    file.write_text(json.dumps(content))


def test_two_downloads_give_the_same_manifest_and_files(tmp_path: Path) -> None:
    given = download("stop", synthetic=SMALL)
    for name in "ab":
        totals = downloaded(tmp_path / name, given)
    files = sorted(p.relative_to(tmp_path / "a") for p in (tmp_path / "a").rglob("*.*"))
    assert len(files) == 2 * 5 + 4 + 1 + 3  # terms of each product, and the health page
    for file in files:
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes(), file
    assert totals["videos"] == 4 and totals["matches"] == 2 and totals["dropped"] == 0
    assert totals["minutes"] == pytest.approx(80 / 60, abs=0.001)


def test_the_manifest_names_files_matches_and_times(match: Path, tmp_path: Path) -> None:
    run(tmp_path, "stop")
    videos = read_records(tmp_path / "manifest/videos.parquet", Video)
    assert [video.part for video in videos] == ["1", "2"]
    assert len({video.match for video in videos}) == 1
    assert all((tmp_path / "videos" / video.path).is_file() for video in videos)
    assert {video.duration for video in videos} == {20.0} and videos[0].frames == 500
    labels = read_records(tmp_path / "manifest/labels.parquet", Label)
    speech = read_records(tmp_path / "manifest/speech.parquet", Speech)
    assert {row.video for row in [*labels, *speech]} <= {video.id for video in videos}
    assert labels and speech


def test_a_fault_stops_with_the_first_sentence_and_the_number_of_others(
    match: Path, tmp_path: Path
) -> None:
    edit(match / "Labels-v2.json", lambda c: c["annotations"].append({"label": "Goal"}))
    edit(match / "1_asr.json", lambda c: c["segments"].update({"99": [19, 18, "back"]}))
    with pytest.raises(
        InputError, match=r"lacks the key 'gameTime'.*drop \(1 more faults follow\)"
    ):
        run(tmp_path, "stop")
    assert not (tmp_path / "manifest").exists()


def test_dropped_faults_stand_in_the_ledger_with_their_reasons(match: Path, tmp_path: Path) -> None:
    edit(match / "Labels-v2.json", lambda c: c["annotations"].append({"label": "Goal"}))
    edit(match / "1_asr.json", lambda c: c["segments"].update({"99": [19, 18, "back"]}))
    good = len(read_labels(match))
    totals, dropped = run(tmp_path, "drop")
    assert totals["labels"] == good - 1 and totals["dropped"] == 2
    assert "ends at 18 s, before it starts at 19 s" in next(
        reason for row, reason in dropped.items() if "/speech/" in row
    )


@pytest.mark.parametrize(
    "content", [b"", b"<html>denied</html>", None], ids=["empty", "html", "cut"]
)
def test_an_unreadable_video_takes_its_labels_and_lines_with_it(
    match: Path, tmp_path: Path, content: bytes | None
) -> None:
    file = match / "2_224p.mkv"
    file.write_bytes(file.read_bytes()[:20000] if content is None else content)
    second = [row for row in read_labels(match) if row["gameTime"][0] == "2"]
    totals, dropped = run(tmp_path, "drop")
    assert totals["videos"] == 1 and totals["dropped"] == 2 + len(second)
    assert str(file.name) in dropped["2"]
    assert "its half has no readable video" in dropped["2/2_asr.json"]


def test_a_file_that_is_there_twice_is_a_fault(match: Path, tmp_path: Path) -> None:
    shutil.copyfile(match / "1_224p.mkv", match / "2_224p.mkv")
    with pytest.raises(InputError, match="is the same file as prepared/soccer_synthetic-league"):
        run(tmp_path, "stop")


def test_rows_of_a_match_without_any_video_still_have_a_fate(match: Path, tmp_path: Path) -> None:
    other = match.with_name("2031-01-01 - 18-00 Kelso 0 - 0 Kelso")
    shutil.copytree(match, other, ignore=shutil.ignore_patterns("*.mkv"))
    totals, _ = run(tmp_path, "drop")
    assert totals["videos"] == 2 and totals["dropped"] == len(read_labels(match)) + 2


@pytest.mark.parametrize(
    ("sources", "said"),
    [
        ({"sintetic": {}}, r"sources\.sintetic: no such source; choose among synthetic, fine"),
        ({"synthetic": {**SMALL, "seeds": 1}}, r"sources\.synthetic: seeds: Extra inputs"),
        ({"synthetic": {**SMALL, "matches": {"soccer": 1}}}, r"matches\.badminton: Field required"),
        ({"synthetic": {**SMALL, "half_seconds": 5}}, r"half_seconds: Input should be greater"),
        ({}, r"download\.sources: no readable video came of them"),
    ],
)
def test_a_wrong_setting_is_named(tmp_path: Path, sources: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        downloaded(tmp_path, download("stop", **sources))
    assert not (tmp_path / "manifest").exists()


def read_labels(match: Path) -> list[dict[str, str]]:
    return json.loads((match / "Labels-v2.json").read_text())["annotations"]
