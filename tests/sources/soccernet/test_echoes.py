"""Echoes transcripts: every segment becomes a line or a sentence."""

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from touchline.records.video import Video
from touchline.sources.soccernet import echoes

Make = Callable[..., Video]
Write = Callable[[str, Any], Path]


def test_segments_come_in_the_order_of_their_numbers(video: Make, written: Write) -> None:
    segments = {str(i): [i * 2.0, i * 2.0 + 1, f"line {i}"] for i in (10, 2, 0, 1)}
    reading = echoes.read_echoes_transcript(
        written("1_asr.json", {"segments": segments}), video(), "1_asr.json"
    )
    assert [line.text for line in reading.rows] == ["line 0", "line 1", "line 2", "line 10"]
    assert not reading.faults and reading.rows[0].origin == "1_asr.json"


def test_translated_keys_keep_the_order_of_the_file(video: Make, written: Write) -> None:
    segments = {"7": [1, 2, "a"], "8th": [2, 3, "b"], "3. 4": [3, 4, "c"]}
    reading = echoes.read_echoes_transcript(
        written("1_asr.json", {"segments": segments}), video(), ""
    )
    assert [line.text for line in reading.rows] == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("segment", "said"),
    [
        ([9.0, 7.0, "back"], "ends at 7 s, before it starts at 9 s"),
        ([7.0, 7.0, "no time"], "ends at 7 s"),
        ([7.0, 9.0, "  "], "has no text"),
        ([4.0, 9.0, "early"], "starts at 4 s, before the line before it ends at 5 s"),
        ([60.0, 61.0, "late"], "starts at 60 s, outside the video of 60 s"),
        ([float("nan"), 9.0, "when"], "nan is not a time"),
        ([10**400, 9.0, "when"], "inf is not a time"),
        ([7.0, -(10**400), "when"], "-inf is not a time"),
        (["7", 9.0, "text"], "'7' is not a time"),
        ([7.0, 9.0, None], "None is not text"),
        ([7.0, 9.0], "is not [start, end, text]"),
        (None, "is not [start, end, text]"),
    ],
)
def test_a_faulty_segment_is_named_and_the_others_stay(
    video: Make, written: Write, segment: Any, said: str
) -> None:
    segments = {"0": [2.0, 5.0, "first"], "1": segment, "2": [50.0, 58.0, "last"]}
    file = written("1_asr.json", {"segments": segments})
    reading = echoes.read_echoes_transcript(file, video(), "")
    assert [line.text for line in reading.rows] == ["first", "last"]
    (fault,) = reading.faults
    assert fault.row == "test/match/1/speech/1"
    assert str(fault.why).startswith(f"{file}: segments['1']") and said in str(fault.why)


def test_a_line_that_runs_over_the_end_is_cut_there(video: Make, written: Write) -> None:
    file = written("1_asr.json", {"segments": {"0": [58.0, 64.0, "and that is it"]}})
    (line,) = echoes.read_echoes_transcript(file, video(), "").rows
    assert (line.start, line.end) == (58.0, 60.0)


def test_an_empty_transcript_is_no_fault_but_a_broken_one_is(video: Make, written: Write) -> None:
    empty = echoes.read_echoes_transcript(written("1_asr.json", {"segments": {}}), video(), "")
    assert not empty.rows and not empty.faults
    broken = echoes.read_echoes_transcript(written("2_asr.json", '{"segments": {"0":'), video(), "")
    assert "is not valid JSON" in str(broken.faults[0].why)


@pytest.mark.realdata
def test_all_real_transcripts_are_read_and_only_blank_lines_are_faults(
    realdata: Path, video: Make
) -> None:
    lines, faults = Counter[str](), Counter[str]()
    for file in sorted((realdata / "echoes").rglob("*_asr.json")):
        variant = file.relative_to(realdata / "echoes").parts[0]
        reading = echoes.read_echoes_transcript(file, video("1", 3300.0, str(file.parent)), variant)
        assert len(reading.rows) + len(reading.faults) == len(
            json.loads(file.read_text())["segments"]
        )
        lines[variant] += len(reading.rows)
        faults.update(f"{variant}: {fault.why.wrong}" for fault in reading.faults)
    assert faults == {"whisper_v3: has no text": 27, "whisper_v1_en: has no text": 1}
    assert lines == {
        "whisper_v1": 70193,
        "whisper_v1_en": 63174,
        "whisper_v2_en": 60606,
        "whisper_v3": 86653,
    }
