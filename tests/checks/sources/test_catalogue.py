"""Checks drop rows or report them, and each row that goes stands in the ledger with a reason."""

import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from tests.checks.sources.conftest import LIMITS, film, label, lines
from tests.downloads import downloaded, params
from touchline.checks.sources import CHECKS, check_source_rows, drop_rejected_rows
from touchline.checks.sources.case import SourceHealth
from touchline.errors import InputError
from touchline.records.label import Label
from touchline.records.speech import Speech
from touchline.records.video import Video
from touchline.sources.source import ReadResult, RowFault

SPANISH = ["El árbitro dice que no hay falta en esta jugada.", "Muy buen pase hacia el delantero."]


def readings() -> tuple[ReadResult[Video], ReadResult[Label], ReadResult[Speech]]:
    """Two halves: a doubled label that is out of range too, one without video, lines in Spanish."""
    made = [label(0, 5.0), label(1, 9999.0), label(2, 9999.0), label(3, 5.0, video="test/gone/1")]
    double = RowFault(
        "test/x/labels/7", InputError("f: annotations[7]", "repeats annotations[2]", "m")
    )
    spoken = [*lines(["He plays it out to the left.", "They are under way again now."], "1")]
    return (
        ReadResult([film("1"), film("2")]),
        ReadResult(made, [double]),
        ReadResult([*spoken, *lines(SPANISH, "2")]),
    )


def examined(folder: Path, *given: ReadResult) -> SourceHealth:
    with ThreadPoolExecutor(1) as executor:
        return check_source_rows("test", folder, *given, LIMITS, executor)


def test_rows_that_break_a_dropping_rule_go_once_with_a_reason(tmp_path: Path):
    found, read, heard = readings()
    drop_rejected_rows(examined(tmp_path, found, read, heard), read, heard)
    assert [row.id[-1] for row in read.rows] == ["0"]
    reasons = {fault.row.split("/")[-1]: fault.why.wrong for fault in read.faults}
    assert reasons["2"].startswith("says the same as")  # the first rule that it breaks
    assert reasons["1"] == "lies at 9999 to 9999 s of 2700 s"
    assert reasons["3"] == "is of a video that is not there"
    assert [fault.row[-1] for fault in heard.faults] == ["0", "1"]
    assert all("is in 'es', not in en" in fault.why.wrong for fault in heard.faults)
    assert len(heard.rows) == 2 and len(read.faults) == 4


def test_what_the_reader_has_dropped_counts_for_the_check_it_speaks_of(tmp_path: Path):
    results = {result.name: result for result in examined(tmp_path, *readings()).results}
    assert list(results) == list(CHECKS)
    assert (results["doubled labels"].read, results["doubled labels"].dropped) == (1, 2)
    assert results["videos without labels"].reported == 1
    assert (results["language"].dropped, results["language"].reported) == (2, 0)


@pytest.mark.parametrize("name", CHECKS)
def test_every_check_says_its_rule_and_what_follows(name: str):
    check = CHECKS[name]
    assert check.rule.endswith((".", ").")) and check.fate


def test_rows_of_another_source_are_left_alone(tmp_path: Path):
    found, read, heard = readings()
    found.rows.append(film(id="other/m/1", source="other", match="other/m"))
    read.rows.append(label(9, 5.0, video="nowhere"))
    read.rows[-1] = Label(**{**vars(read.rows[-1]), "id": "other/m/labels/0"})
    drop_rejected_rows(examined(tmp_path, found, read, heard), read, heard)
    assert read.rows[-1].id == "other/m/labels/0"


def real(folder: Path, transcripts: list[str]) -> dict[str, float]:
    """The download stage on the real games with one kind of transcript."""
    soccernet: dict[str, Any] = {
        "folder": "soccernet", "splits": "games.json", "half_minutes": [45, 60],
        "names": {"train": "train", "valid": "val"}, "echoes": "echoes",
        "transcripts": transcripts, "spoken_halves": 0, "fetch": [], "connections": 1,
    }  # fmt: skip
    return downloaded(folder, params("drop", {"soccernet": soccernet}))


@pytest.mark.slow
@pytest.mark.realdata
@pytest.mark.usefixtures("realdata")
@pytest.mark.parametrize(
    ("variant", "silent", "repeating", "foreign_lines"),
    [
        ("whisper_v1", 0, 35, 62_364),  # in the language spoken: 85 of 94 halves not English
        ("whisper_v1_en", 8, 33, 0),
        ("whisper_v2_en", 13, 35, 0),
    ],
)
def test_the_known_faults_of_47_real_games_are_counted(
    tmp_path: Path, variant: str, silent: int, repeating: int, foreign_lines: int
):
    totals = real(tmp_path, [variant])
    assert totals["health.doubled_labels"] == 11  # read as faults already
    assert totals["health.goals_against_the_score"] == 3  # of 47 matches
    assert totals["health.labels_out_of_range"] == totals["health.labels_of_another_match"] == 0
    assert totals["health.missing_commentary"] == silent
    assert totals["health.repeating_commentary"] == repeating
    ledger = pq.read_table(tmp_path / "manifest/ledger.parquet").to_pylist()
    gone = [row for row in ledger if re.search(r"is in '\w+', not in en", row["reason"] or "")]
    assert len(gone) == foreign_lines
    assert totals["rows"] == len(ledger) == totals["kept"] + totals["dropped"]
