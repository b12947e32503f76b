"""Score answers made elsewhere like those of a run, beside the floors; write both and a page."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

from touchline import terms
from touchline.candidates.candidate import NAME
from touchline.evaluation.judge import Judging, graded
from touchline.evaluation.scored import scored
from touchline.faults import BadInput
from touchline.predictions.answers import Given, read
from touchline.predictions.sheet import Sheet, floors
from touchline.products import whole_folder
from touchline.records import Clip, Question, Trajectory, write
from touchline.report.page import write_report
from touchline.tasks import TASKS
from touchline.terms import Licence

SCORES = "scores.json"


class Rule(NamedTuple):
    """How answers are judged: what the section `evaluate` says of it."""

    theta: float
    seed: int
    interval: float
    judge: Judging | None


class Result(NamedTuple):
    """The rows of every candidate, floors first, and what they come to."""

    rows: dict[str, list[Trajectory]]
    measured: dict[str, Any]


def score(file: Path, name: str, sheet: Sheet, rule: Rule) -> Result:
    """Score a file of answers under a name; what it leaves out counts as unanswered: wrong."""
    if not re.match(NAME, name) or name.startswith("floor."):
        raise BadInput(name, "is no name for answers", "choose letters and digits by --name")
    asked = {question.id for question in sheet.asked}
    given = read(file, asked, sheet.every)
    rows = floors(sheet, rule.interval)
    rows[name] = [row(name, question, given.get(question.id)) for question in sheet.asked]
    measured = scored(rows, sheet, rule.theta, rule.seed)
    if rule.judge:
        measured["judge"] = graded(rows, sheet.every, rule.judge, rule.seed)
    counts = {"answered": len(given), "unanswered": len(asked) - len(given)}
    return Result(rows, {**measured, **counts, "without_frames": sheet.unseen})


def row(name: str, question: Question, given: Given | None) -> Trajectory:
    """One answer, judged by the question's own task; none is an empty and invalid one."""
    given = given or Given("", False, [], 0)
    block = {"type": "text", "text": given.said}
    messages = [{"role": "assistant", "content": [block]}] if given.said else []
    return Trajectory(
        id=f"{name}:{question.id}",
        question=question.id,
        author=name,
        split=question.split,
        sport=question.sport,
        task=question.task,
        match=question.match,
        messages=json.dumps(messages, ensure_ascii=False),
        answer=given.answer,
        score=TASKS[question.task].score(given.answer, question.truth),
        valid=given.valid,
        windows=given.windows,
        frames=given.frames,
    )


def keep(folder: Path, result: Result, sheet: Sheet, about: Mapping[str, Any], licence: Licence):
    """Write answers.parquet, scores.json and report.html: all of them or none."""
    check_free(folder)
    withheld = licence.withheld("report")
    with whole_folder(folder) as draft:
        every = [row for given in result.rows.values() for row in given]
        write(draft / "answers.parquet", Trajectory, every)
        write_scores(draft, result.measured)
        write_report(
            draft / "report.html",
            questions=sheet.every,
            clips=sheet.by_clip,
            answers=result.rows,
            scores=result.measured,
            frames=_no_frame,
            logs={},
            about={"Answers": about, "Dialogue": sheet.dialogue.model_dump()},
            zero=sheet.dialogue.zero,
            withheld=withheld,
            player=False,
        )
        terms.mark(draft, terms.of(sheet.by_clip[q.clip] for q in sheet.asked))


def write_scores(folder: Path, measured: Mapping[str, Any]) -> None:
    """The numbers as JSON."""
    text = json.dumps(measured, indent=2, sort_keys=True)
    (folder / SCORES).write_text(f"{text}\n", encoding="utf-8")


def check_free(folder: Path) -> None:
    """Raise `BadInput` where something else than scores would be replaced."""
    if folder.exists() and not (folder / SCORES).is_file():
        raise BadInput(folder, "is there and holds no scores", "name a new folder by -o")


def _no_frame(clip: Clip, time: float) -> NoReturn:
    """Answers from elsewhere name no frames by which they were found."""
    raise LookupError(f"{clip.id} at {time} s")
