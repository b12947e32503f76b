"""What is taken for what is counted right, and says no word that is withheld."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from touchline.report.confusion import (
    ConfusionMatrix,
    build_choice_confusion,
    build_spotting_confusion,
    classify_spotting_answer,
)
from touchline.tasks import choice

NOBODY: tuple[str, ...] = ()


def counts(found: ConfusionMatrix) -> dict[tuple[str, str], int]:
    return {
        (row, column): cell.count
        for row, cells in found.rows
        for column, cell in zip(found.columns, cells, strict=True)
        if cell.count
    }


def given(evaluation: Any) -> dict[str, dict[str, Any]]:
    return {name: {r.question: r for r in rows} for name, rows in evaluation.answers.items()}


def chosen(evaluation: Any, withheld: tuple[str, ...] = NOBODY) -> ConfusionMatrix:
    asked = list(evaluation.questions.values())
    return build_choice_confusion(asked, given(evaluation), ["rl"], evaluation.clips, withheld)[0]


def test_every_choice_stands_once_under_its_truth_and_its_answer(evaluation: Any):
    found = counts(chosen(evaluation))
    rows = [r for r in evaluation.answers["rl"] if r.task == "choice"]
    assert sum(found.values()) == len(rows)
    assert sum(n for (row, column), n in found.items() if row == column) == sum(
        row.score for row in rows
    )


def test_an_answer_without_an_option_is_unreadable(evaluation: Any):
    evaluation.answers["rl"] = [replace(r, answer="all of it") for r in evaluation.answers["rl"]]
    assert {column for _, column in counts(chosen(evaluation))} == {"unreadable"}


def test_more_options_than_one_can_read_and_withheld_ones_are_letters(evaluation: Any):
    assert set(chosen(evaluation, ("open",)).columns) <= {*choice.LETTERS, "unreadable"}
    for id, question in evaluation.questions.items():
        options = [f"{option} of {id}" for option in question.options]
        evaluation.questions[id] = replace(question, options=options)
    assert set(chosen(evaluation).columns) <= {*choice.LETTERS, "unreadable"}


@pytest.mark.parametrize(
    ("evidence", "answer", "said"),
    [
        ([10, 22], "A foul occurs at (0:11, 0:23).", "found"),
        ([10, 22], "A foul occurs at (0:40, 0:52).", "elsewhere"),
        ([10, 22], "A foul occurs at (0:40, 0:52). A foul occurs at (0:10, 0:22).", "found"),
        ([10, 22], "No foul occurs in this clip.", "missed"),
        ([], "No foul occurs in this clip.", "rightly absent"),
        ([], "A foul occurs at (0:40, 0:52).", "claimed"),
    ],
)
def test_a_spotting_answer_has_one_outcome(evaluation: Any, evidence: list, answer: str, said: str):
    question = next(q for q in evaluation.questions.values() if q.task == "spotting")
    row = next(r for r in evaluation.answers["rl"] if r.question == question.id)
    question, row = replace(question, evidence=evidence), replace(row, answer=answer)
    assert classify_spotting_answer(question, row, 0.0) == said
    assert (
        classify_spotting_answer(question, replace(row, answer="", valid=False), 0.0)
        == "unreadable"
    )


def test_every_spotting_answer_stands_once_under_its_action(evaluation: Any):
    asked = list(evaluation.questions.values())
    (found,) = build_spotting_confusion(asked, given(evaluation), ["rl"], lambda question: 0.0)
    rows = [r for r in evaluation.answers["rl"] if r.task == "spotting"]
    assert sum(counts(found).values()) == len(rows)
    assert {row for row, _ in found.rows} == {q.action for q in asked if q.action}
    shares = [sum(cell.share for cell in cells) for _, cells in found.rows]
    assert shares == pytest.approx([100] * len(shares))


def test_the_page_has_a_table_for_each_model_and_none_for_a_floor(page: str):
    assert page.count('<table class="matrix">') == 2 * 3
    assert page.count("<caption>") == 2 * 3


def test_no_word_of_a_withheld_choice_is_on_the_page(evaluation: Any, tmp_path: Path):
    evaluation.clips = {id: replace(clip, terms="nda") for id, clip in evaluation.clips.items()}
    for id, question in evaluation.questions.items():
        options = [f"secret {option}" for option in question.options]
        evaluation.questions[id] = replace(question, options=options)
    assert "secret" not in evaluation.write(tmp_path / "report.html")
