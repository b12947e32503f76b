"""A folder of one's own videos: odd names, halves or single files, labels in part or not at all."""

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from stages import chunk
from tests.downloads import downloaded, params
from tests.films import film
from touchline.errors import InputError
from touchline.records.label import Label
from touchline.records.speech import Speech
from touchline.records.table import read_records
from touchline.records.video import Video
from touchline.sources.fetch import manifest

FINAL = 'cup/It\'s "the" final #1 Ümläut 決勝?'


@pytest.fixture(autouse=True)
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOUCHLINE_DOWNLOADS", str(tmp_path / "downloads"))
    monkeypatch.setenv("TOUCHLINE_RAW", str(tmp_path))


def labelled(file: Path, *times: tuple[int, float], name: str = "Goal") -> None:
    """One annotation for each half and second."""
    rows = [
        {
            "gameTime": f"{half} - 00:{int(second):02d}",
            "label": name,
            "position": str(int(1000 * second)),
            "team": "home",
        }
        for half, second in times
    ]
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps({"annotations": rows}))


@pytest.fixture
def own(tmp_path: Path) -> Path:
    folder = tmp_path / "own"
    for number in (1, 2):
        film(folder / FINAL / f"{number}_224p.mkv", seed=number)
    labelled(folder / FINAL / "Labels-v2.json", (1, 0.5), (2, 1.5))
    (folder / FINAL / "1_asr.json").write_text('{"segments": {"0": [0, 1, "He scores!"]}}')
    for number, name in enumerate(("drill one.mp4", "drill two.MP4")):
        film(folder / "training" / name, seed=10 + number)
    labelled(folder / "training/drill one.Labels-v2.json", (1, 1.0), name="Corner")
    film(folder / "lone/only.mkv", seed=20)
    labelled(folder / "lone/Labels-v2.json", (1, 0.0))
    film(folder / "bare.mkv", seed=30)
    for name in (".hidden.mkv", "._bare.mkv", "notes.txt", "Labels-v2.json.bak"):
        (folder / name).write_text("not for us")
    return folder


def run(tmp_path: Path, on_fault: str = "stop", **more: Any) -> dict[str, float]:
    settings = {"folder": "own", "sport": "soccer", "licence": "mine", "terms": "nda", "known": ""}
    return downloaded(tmp_path, params(on_fault, {"local": settings | more}))


def dropped(tmp_path: Path) -> dict[str, str]:
    rows = pq.read_table(tmp_path / "manifest/ledger.parquet").to_pylist()
    return {row["row"]: row["reason"] for row in rows if row["state"] == "dropped"}


def of(rows: Iterable[Label], match: str) -> list[tuple[str, float]]:
    return [(row.name, row.start) for row in rows if row.video.startswith(f"local/{match}/")]


def test_every_video_is_a_match_or_half_of_one_with_its_owners_terms(
    own: Path, tmp_path: Path
) -> None:
    totals = run(tmp_path)
    videos = {
        video.id: video for video in read_records(tmp_path / "manifest/videos.parquet", Video)
    }
    assert list(videos) == [
        "local/bare/1",
        f"local/{FINAL}/1",
        f"local/{FINAL}/2",
        "local/lone/only/1",
        "local/training/drill one/1",
        "local/training/drill two/1",
    ]
    assert {(one.terms, one.licence, one.sport) for one in videos.values()} == {
        ("nda", "mine", "soccer")
    }
    assert totals["matches"] == 5 and totals["labels"] == 4 and totals["speech"] == 1
    for video in videos.values():
        copy = (tmp_path / "videos" / video.path).read_bytes()
        assert copy == (own / Path(video.path).relative_to("local")).read_bytes()


def test_labels_and_commentary_find_their_videos(own: Path, tmp_path: Path) -> None:
    run(tmp_path)
    labels = read_records(tmp_path / "manifest/labels.parquet", Label)
    assert of(labels, FINAL) == [("Goal", 0.5), ("Goal", 1.5)]
    assert of(labels, "training/drill one") == [("Corner", 1.0)]
    assert of(labels, "lone/only") == [("Goal", 0.0)]
    (line,) = read_records(tmp_path / "manifest/speech.parquet", Speech)
    assert line.video == f"local/{FINAL}/1"


def test_odd_names_pass_through_the_frame_store(own: Path, tmp_path: Path) -> None:
    run(tmp_path)
    settings = chunk.ChunkParams(
        seconds=2, stride=2, rest="overlap", fps=2, height=32, quality=85, workers=1
    )
    totals = chunk.main(
        settings, tmp_path / "videos", tmp_path / "manifest", tmp_path / "f", tmp_path / "c"
    )
    assert totals["clips"] == 6


def test_the_manifest_of_the_copy_notices_a_changed_folder(own: Path, tmp_path: Path) -> None:
    run(tmp_path)
    known = tmp_path / "known.json"
    (tmp_path / "videos/local" / manifest.FETCH_MANIFEST_NAME).rename(known)
    assert len(manifest.read_fetch_manifest(known)) == 10
    run(tmp_path, known="known.json")
    film(own / "bare.mkv", seed=30, crf="45")
    with pytest.raises(InputError, match=r"is not the file known as bare\.mkv"):
        run(tmp_path, known="known.json")


def test_the_same_folder_gives_the_same_product(own: Path, tmp_path: Path) -> None:
    run(tmp_path)
    first = {p.name: p.read_bytes() for p in (tmp_path / "manifest").iterdir()}
    kept = (tmp_path / "videos/local" / manifest.FETCH_MANIFEST_NAME).read_bytes()
    run(tmp_path)
    assert {p.name: p.read_bytes() for p in (tmp_path / "manifest").iterdir()} == first
    assert (tmp_path / "videos/local" / manifest.FETCH_MANIFEST_NAME).read_bytes() == kept
    assert str(tmp_path).encode() not in kept


def test_mended_labels_are_taken_by_the_next_run(own: Path, tmp_path: Path) -> None:
    labelled(own / "lone/Labels-v2.json", (1, 1.0), name="Gaol")
    with pytest.raises(InputError, match="'Gaol' is not a label of soccer"):
        run(tmp_path)
    labelled(own / "lone/Labels-v2.json", (1, 1.0))
    assert run(tmp_path)["labels"] == 4


def test_what_belongs_to_no_video_or_to_several_is_a_fault(own: Path, tmp_path: Path) -> None:
    labelled(own / "lost/Labels-v2.json", (1, 1.0))
    labelled(own / "training/Labels-v2.json", (1, 1.0))
    labelled(own / "lone/only.Labels-v2.json", (1, 1.0))
    (own / FINAL / "2_asr.json").write_text("{}")
    (own / "lone/2_asr.json").write_text("{}")
    (own / "lone/1_asr.json").write_bytes(b'{"segments": {"0": [0, 1, "\xff"]}}')
    film(own / "training/drill one.mkv", seed=40)
    run(tmp_path, "drop")
    reasons = dropped(tmp_path)
    assert "half 1 has no readable video" in reasons["local/lost/labels/0"]
    assert (
        "2 matches lie beside it; call it NAME.Labels-v2.json"
        in (reasons["local/training/Labels-v2.json"])
    )
    assert "labels what Labels-v2.json labels" in reasons["local/lone/only.Labels-v2.json"]
    assert "lacks the key 'segments'" in reasons[f"local/{FINAL}/2/2_asr.json"]
    assert "its part has no readable video" in reasons["local/lone/2_asr.json"]
    assert "is not UTF-8" in reasons["local/lone/only/1/1_asr.json"]
    assert "is the same part as drill one.mkv" in reasons["local/training/drill one.mp4"]
    assert len(reasons) == 7


def test_a_video_that_cannot_be_read_takes_its_labels_along(own: Path, tmp_path: Path) -> None:
    (own / "lone/only.mkv").write_bytes(b"no video at all")
    totals = run(tmp_path, "drop")
    assert totals["videos"] == 5 and set(dropped(tmp_path)) == {
        "local/lone/only/1",
        "local/lone/only/labels/0",
    }


def test_a_name_that_no_later_stage_could_write_is_a_fault(own: Path, tmp_path: Path) -> None:
    film(own / ("ü" * 60 + ".mkv"), seed=50)
    run(tmp_path, "drop")
    (reason,) = dropped(tmp_path).values()
    assert "takes more than 220 letters to write in ASCII; give it a shorter one" in reason


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        ({"folder": "nowhere"}, "nowhere: is missing; put the data there, set TOUCHLINE_RAW"),
        ({"folder": "own/empty"}, "own/empty: holds no video"),
        ({"sport": "curling"}, "no sport is called 'curling'; choose among soccer, badminton"),
        ({"terms": "secret"}, "terms: Input should be 'open', 'request' or 'nda'"),
        ({"known": "nowhere.json"}, "nowhere.json: is missing; name the list"),
    ],
)
def test_a_wrong_setting_is_a_sentence(
    own: Path, tmp_path: Path, more: dict[str, str], sentence: str
) -> None:
    (own / "empty").mkdir()
    with pytest.raises(InputError) as fault:
        run(tmp_path, **more)
    assert sentence in str(fault.value)
    assert not (tmp_path / "videos").exists()


def test_a_file_of_labels_of_two_gigabytes_is_not_read(own: Path, tmp_path: Path) -> None:
    os.truncate(own / "lone/Labels-v2.json", 2**31)  # takes no space: it is a hole
    with pytest.raises(InputError, match=r"Labels-v2\.json: is a file of labels of 2048 MiB"):
        run(tmp_path)


def test_names_that_are_no_text_and_dead_links_are_named(own: Path, tmp_path: Path) -> None:
    (own / "gone.mkv").symlink_to("nowhere")
    with pytest.raises(InputError, match=r"gone\.mkv: is not there"):
        run(tmp_path)
    (own / "gone.mkv").unlink()
    Path(os.fsdecode(os.fsencode(own) + b"/bad\xff.mkv")).write_bytes(b"x")
    with pytest.raises(InputError, match=r"'bad\\udcff\.mkv': has a name that is not UTF-8"):
        run(tmp_path)
