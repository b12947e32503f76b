"""The caption stage: lines go to the clips they overlap, in the clips' time."""

from collections.abc import Sequence
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from stages.caption import CaptionParams, main
from touchline.chat.dialogue import DEFAULT_DIALOGUE
from touchline.records.caption import Caption
from touchline.records.clip import Clip
from touchline.records.speech import Speech
from touchline.records.table import read_records, write_records
from touchline.records.video import Video
from touchline.sources.soccernet import echoes, labels_v2
from touchline.sports import SPORTS


def line(number: int, start: float, end: float, text: str, video: str = "v") -> Speech:
    return Speech(f"{video}/speech/{number}", video, start, end, text, "1_asr.json")


def clip(start: float, end: float, video: str = "v") -> Clip:
    name = f"{video}@{start:g}-{end:g}"
    return Clip(name, video, "s", "soccer", "m", "none", "open", start, end, 60, False)


def caption(
    folder: Path, lines: Sequence[Speech], clips: Sequence[Clip], collapse: bool = True
) -> tuple[list[Caption], dict[str, str], dict[str, float]]:
    write_records(folder / "manifest/speech.parquet", Speech, lines)
    write_records(folder / "clips/clips.parquet", Clip, clips)
    params = CaptionParams(collapse_repeats=collapse)
    totals = main(
        params, DEFAULT_DIALOGUE, folder / "manifest", folder / "clips", folder / "captions"
    )
    ledger = pq.read_table(folder / "captions/ledger.parquet").to_pylist()
    fates = {row["row"][-1]: f"{row['state']} {row['reason']}".strip() for row in ledger}
    return read_records(folder / "captions/captions.parquet", Caption), fates, totals


def test_a_line_over_a_border_is_in_both_clips_cut_to_each(tmp_path: Path) -> None:
    lines = [line(0, 57.5, 62.25, "over the border")]
    rows, fates, _ = caption(tmp_path, lines, [clip(0, 60), clip(60, 120)])
    assert [(row.clip, row.start, row.end) for row in rows] == [
        ("v@0-60", 57.5, 60.0),
        ("v@60-120", 0.0, 2.25),
    ]
    assert fates == {"0": "split into 2 clips"} and len({row.id for row in rows}) == 2


def test_a_line_that_only_touches_a_clip_is_not_in_it(tmp_path: Path) -> None:
    lines = [line(0, 50.0, 60.0, "ends there"), line(1, 120.0, 121.0, "begins there")]
    rows, fates, _ = caption(tmp_path, lines, [clip(60, 120)])
    assert not rows and set(fates.values()) == {"dropped lies in no clip"}


def test_repeats_are_dropped_only_where_asked_and_only_in_a_row(tmp_path: Path) -> None:
    said = ["goal", "goal", "no", "goal", "goal"]
    lines = [line(i, i, i + 1, text) for i, text in enumerate(said)]
    lines.append(line(9, 0.0, 1.0, "goal", video="w"))
    clips = [clip(0, 60), clip(0, 60, video="w")]
    rows, fates, totals = caption(tmp_path, lines, clips)
    assert [row.text for row in rows] == ["goal", "no", "goal", "goal"]
    assert [key for key in fates if "repeats" in fates[key]] == ["1", "4"]
    assert totals["rows"] == 6 and totals["dropped"] == 2 and totals["kept"] == 4
    rows, _, totals = caption(tmp_path, lines, clips, collapse=False)
    assert len(rows) == 6 and totals["dropped"] == 0


def test_overlapping_clips_share_a_line(tmp_path: Path) -> None:
    rows, fates, _ = caption(
        tmp_path, [line(0, 30.0, 34.0, "x")], [clip(0, 60), clip(20, 80), clip(40, 100)]
    )
    assert [(row.clip, row.start) for row in rows] == [("v@0-60", 30.0), ("v@20-80", 10.0)]
    assert fates == {"0": "split into 2 clips"}


@pytest.mark.realdata
def test_the_papers_rule_gives_the_reference_counts_on_real_games(
    realdata: Path, tmp_path: Path
) -> None:
    """3,780 (minute, action) pairs with the action present, 3,776 of them with commentary."""
    speech, positives = [], set()
    for file in sorted((realdata / "soccernet").rglob("Labels-v2.json")):
        game = file.parent.relative_to(realdata / "soccernet")
        heard = [realdata / "echoes/whisper_v1_en" / game / f"{half}_asr.json" for half in (1, 2)]
        if not all(one.is_file() for one in heard):
            continue
        halves = {half: video(f"soccernet/{game}", half) for half in "12"}
        labels = labels_v2.read_labels_v2(file, f"soccernet/{game}", SPORTS["soccer"], halves).rows
        words = [(row.video, row.start // 60, SPORTS["soccer"].words[row.name]) for row in labels]
        positives |= {key for key in words if key[2] in SPORTS["soccer"].spotting_words}
        for half, transcript in zip("12", heard, strict=True):
            speech += echoes.read_echoes_transcript(transcript, halves[half], "whisper_v1_en").rows
    minutes = sorted({(name, minute) for name, minute, _ in positives})
    clips = [clip(60 * minute, 60 * minute + 60, name) for name, minute in minutes]
    captions, _, _ = caption(tmp_path, speech, clips, collapse=False)
    spoken = {row.clip for row in captions}
    heard_of = [k for k in positives if f"{k[0]}@{60 * k[1]:g}-{60 * k[1] + 60:g}" in spoken]
    assert (len(positives), len(heard_of)) == (3780, 3776)


def video(match: str, part: str) -> Video:
    name = f"{match}/{part}"
    facts = ("", 1, "", "", "h264", 398, 224, 25.0, 1500, 3300.0, 0.0, 0.04, False, [0.0])
    return Video(name, "soccernet", "soccer", match, part, name, *facts)
