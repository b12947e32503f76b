"""Answers from elsewhere get the numbers of a run's own, beside the same floors."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from flows import cli
from tests.external_answers.conftest import RULE, exported, opened
from touchline.errors import InputError
from touchline.evaluation.floors import FLOORS
from touchline.external_answers.score import (
    ExternalEvalSet,
    score_external_answers,
    write_external_results,
)
from touchline.licence import LicenceParams
from touchline.records.clip import Clip
from touchline.records.table import read_records, write_records
from touchline.records.trajectory import Trajectory

OUTSIDE = LicenceParams(inside=[])


@pytest.mark.slow
def test_a_runs_own_answers_exported_get_its_numbers(
    asked: ExternalEvalSet, made: Any, tmp_path: Path
):
    file = exported(tmp_path / "rl.jsonl", made.answers["rl"])
    found = score_external_answers(file, "rl", asked, RULE).scores
    theirs = made.scores()
    for key in ("candidates", "actions", "sources", "lengths", "without_negatives"):
        assert found[key]["rl"] == theirs[key]["rl"]
    assert found["matches"] == theirs["matches"]
    assert list(found["candidates"]) == [*FLOORS, "rl"]
    assert (found["answered"], found["unanswered"]) == (len(asked.split_questions), 0)


def test_unanswered_questions_count_as_wrong_and_are_counted(
    asked: ExternalEvalSet, made: Any, tmp_path: Path
):
    right = [replace(r, answer=made.questions[r.question].truth) for r in made.answers["rl"]]
    half = [row for number, row in enumerate(right) if number % 2]
    found = score_external_answers(
        exported(tmp_path / "half.jsonl", half), "half", asked, RULE
    ).scores
    assert found["unanswered"] == len(right) - len(half) > 0
    for task, metrics in found["candidates"]["half"].items():
        answered = sum(row.task == task for row in half) / sum(row.task == task for row in right)
        assert metrics["score"]["value"] == pytest.approx(answered)
    missed = {row.question for row in right} - {row.question for row in half}
    absent = [made.questions[id] for id in missed if made.questions[id].task == "spotting"]
    assert any(not question.evidence for question in absent)  # silence is no "there is none"


def test_three_products_are_written_and_the_page_shows_the_answers(
    asked: ExternalEvalSet, made: Any, tmp_path: Path
):
    result = score_external_answers(
        exported(tmp_path / "my.jsonl", made.answers["rl"]), "my", asked, RULE
    )
    write_external_results(tmp_path / "out", result, asked, {"file": "my.jsonl"}, OUTSIDE)
    rows = read_records(tmp_path / "out/answers.parquet", Trajectory)
    assert {row.author for row in rows} == {*FLOORS, "my"}
    assert json.loads((tmp_path / "out/scores.json").read_text()) == result.scores
    page = (tmp_path / "out/report.html").read_text()
    assert "My is above its best floor" in page
    assert "data:image" not in page
    assert "player.html" not in page  # which is not here
    write_external_results(
        tmp_path / "out", result, asked, {"file": "my.jsonl"}, OUTSIDE
    )  # its own is replaced


def test_a_folder_of_something_else_is_never_replaced(
    asked: ExternalEvalSet, made: Any, tmp_path: Path
):
    result = score_external_answers(
        exported(tmp_path / "my.jsonl", made.answers["rl"]), "my", asked, RULE
    )
    (tmp_path / "out").mkdir()
    (tmp_path / "out/thesis.tex").touch()
    with pytest.raises(InputError, match="is there and holds no scores; name a new folder"):
        write_external_results(tmp_path / "out", result, asked, {}, OUTSIDE)
    assert (tmp_path / "out/thesis.tex").is_file()


def test_where_no_clip_has_frames_every_question_counts(
    asked: ExternalEvalSet, made: Any, tmp_path: Path
):
    clips = [replace(clip, frames=0) for clip in made.clips.values()]
    write_records(tmp_path / "clips/clips.parquet", Clip, clips)
    assert opened(tmp_path).split_questions == asked.split_questions
    some = [replace(clip, frames=number % 2) for number, clip in enumerate(clips)]
    write_records(tmp_path / "clips/clips.parquet", Clip, some)
    assert 0 < len(opened(tmp_path).split_questions) < len(asked.split_questions)


@pytest.mark.parametrize("name", ["floor.tiles", "a b", "../x", ""])
def test_a_name_that_cannot_stand_in_a_report_is_refused(
    name: str, asked: ExternalEvalSet, tmp_path: Path
):
    with pytest.raises(InputError, match="is not a name for answers"):
        score_external_answers(tmp_path / "p.jsonl", name, asked, RULE)


def said(capsys: pytest.CaptureFixture, *words: object) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as end:
        cli.main(["score", *map(str, words)])
    out, err = capsys.readouterr()
    return int(str(end.value.code)), out, err


def test_the_command_prints_the_answers_beside_the_floors(
    asked: ExternalEvalSet, made: Any, tmp_path: Path, capsys: pytest.CaptureFixture
):
    file = exported(tmp_path / "my.jsonl", made.answers["rl"][1:])
    places = [w for n in ("questions", "clips", "captions") for w in (f"--{n}", tmp_path / n)]
    status, out, err = said(capsys, file, *places, "-o", tmp_path / "out")
    assert status == 0, err
    for name in (*FLOORS, "my"):
        assert f"spotting  {name} " in out
    assert "1 of " in out and "questions have no answer: counted wrong." in out
    assert (tmp_path / "out/report.html").is_file()
    status, out, _ = said(capsys, file, *places, "--json")
    assert json.loads(out)["unanswered"] == 1


def test_the_command_says_what_is_wrong_and_writes_nothing(
    asked: ExternalEvalSet, tmp_path: Path, capsys: pytest.CaptureFixture
):
    (tmp_path / "my.jsonl").touch()
    places = [w for n in ("questions", "clips", "captions") for w in (f"--{n}", tmp_path / n)]
    status, _, err = said(capsys, tmp_path / "my.jsonl", *places, "-o", tmp_path / "out")
    assert status == 2
    assert "my.jsonl: holds no answer; write" in err
    assert not (tmp_path / "out").exists()
    assert said(capsys, tmp_path / "gone.jsonl")[0] == 2
    assert "--labels" in said(capsys, tmp_path)[2]
