"""Each fault of labels is found, and sound labels are left alone."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.checks.sources.conftest import GAME, film, label, rows
from touchline.checks.sources import labels
from touchline.checks.sources.case import SourceCase

Make = Callable[..., SourceCase]
READY = {"task": "choice", "asked": "Which?", "options": ["a", "b"], "answer": "a"}


def test_the_second_of_two_equal_labels_goes(case: Make):
    same = [label(0, 5.0), label(1, 5.0), label(2, 5.0, team="away"), label(3, 5.0, "Corner")]
    assert rows(labels.find_duplicate_labels(case(labels=same))) == ["1"]
    asked = [label(0, 5.0, "", **READY), label(1, 5.0, "", **(READY | {"asked": "Who?"}))]
    assert labels.find_duplicate_labels(case(labels=asked)) == []


@pytest.mark.parametrize(
    ("start", "end", "gone"),
    [(0, 0, 0), (2700, 2700, 0), (-1, 3, 1), (2699, 2701, 1), (9, 8, 1), (float("nan"), 1, 1)],
)
def test_a_label_outside_of_its_video_goes(case: Make, start: float, end: float, gone: int):
    assert len(labels.find_out_of_range_labels(case(labels=[label(0, start, end=end)]))) == gone


def test_a_label_without_video_goes_and_a_video_without_label_is_reported(case: Make):
    found = case(labels=[label(0, 5.0), label(1, 5.0, video="test/elsewhere/1")])
    assert rows(labels.find_labels_without_video(found)) == ["1"]
    [finding] = labels.find_videos_without_labels(found)
    assert (finding.place, finding.rows) == (film("2").id, ())


def goal(number: int, team: str, part: str = "1") -> Any:
    return label(number, 60.0 * number, "Goal", team=team, video=film(part).id)


@pytest.mark.parametrize(
    ("teams", "wrong"),
    [
        (("home", "home", "away"), ""),
        (("home", "away", "away"), "has 1 - 2 goals labelled, the score is 2 - 1"),
        (("home", "home"), "has 2 - 0 goals labelled, the score is 2 - 1"),
    ],
)
def test_goals_are_held_against_the_score_team_by_team(case: Make, teams: tuple, wrong: str):
    made = [goal(n, team, "12"[n % 2]) for n, team in enumerate(teams)]
    found = labels.find_score_mismatches(case(labels=[*made, label(9, 5.0)]))
    assert [finding.wrong for finding in found] == list(filter(None, [wrong]))


def test_a_match_without_labels_or_score_in_its_name_or_of_another_sport_has_no_score(case: Make):
    assert labels.find_score_mismatches(case()) == []
    other = [film("1", "cup/2030/final"), film("1", sport="badminton")]
    given = [label(0, 5.0, "Goal", video=other[0].id), label(1, 5.0, "Goal")]
    assert labels.find_score_mismatches(case(videos=other, labels=given)) == []


@pytest.mark.parametrize(
    ("named", "gone"),
    [
        (f"{GAME}/", 0),
        (GAME.replace("/", "\\"), 0),
        ("", 0),
        ("cup/2030/2030-08-04 - 18-00 Marden 0 - 0 Ilkley/", 2),
        (7, 2),
    ],
)
def test_annotations_of_another_match_go(case: Make, named: Any, gone: int):
    found = case(labels=[label(0, 5.0), label(1, 9.0)])
    file = found.folder / GAME / "Labels-v2.json"
    file.parent.mkdir(parents=True)
    file.write_text(json.dumps({"UrlLocal": named, "annotations": []}))
    assert len(rows(labels.find_labels_of_other_match(found))) == gone


@pytest.mark.parametrize("content", [b"{", b"\xff\xfe", b"[]", b"{}", b"[" * 100_000])
def test_an_unreadable_file_is_left_to_its_reader(case: Make, content: bytes):
    found = case(labels=[label(0, 5.0)])
    (found.folder / GAME).mkdir(parents=True)
    (found.folder / GAME / "Labels-v2.json").write_bytes(content)
    assert labels.find_labels_of_other_match(found) == []
