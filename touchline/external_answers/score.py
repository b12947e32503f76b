"""Score answers made elsewhere like those of a run, beside the floors; write both and a page."""

import json
import re
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

import numpy as np

from touchline import licence as touchline_licence
from touchline.atomic import atomic_folder
from touchline.chat.dialogue import Dialogue
from touchline.chat.tools.choose_frames import ClipFrames, FrameBudget
from touchline.errors import InputError
from touchline.evaluation.candidates.candidate import CANDIDATE_NAME_PATTERN, EvalItem, EvalSettings
from touchline.evaluation.candidates.floor import FloorCandidate
from touchline.evaluation.floors import FLOORS
from touchline.evaluation.judge import JudgeParams, grade_open_answers
from touchline.evaluation.scoring import score_candidates
from touchline.evaluation.test_set import EvalSet
from touchline.external_answers.read import Given, read
from touchline.licence import LicenceParams
from touchline.metrics.scores import HEADLINE_METRICS, get_headline_estimate
from touchline.records.clip import Clip
from touchline.records.question import Question
from touchline.records.table import write_records
from touchline.records.trajectory import Trajectory
from touchline.report import verdict
from touchline.report.page import write_evaluation_report
from touchline.tasks import TASKS


def of_answers(measured: Mapping[str, Any], name: str) -> str:
    """The first number of each task, floors above, and a sentence per task."""
    rows = [("task", "candidate", "metric", "value", "95 %", "n")]
    for task in measured["candidates"][name]:
        for who, tasks in measured["candidates"].items():
            found = get_headline_estimate(tasks, task)
            spread = f"{found.low:.3f} to {found.high:.3f}"
            metric = HEADLINE_METRICS.get(task, "accuracy")
            rows.append((task, who, metric, f"{found.value:.3f}", spread, str(found.n)))
    said = [found.sentence for found in verdict.build_task_verdicts(measured)]
    return "\n".join([*_table(rows), "", *said, *_left(measured)]) + "\n"


def _left(measured: Mapping[str, Any]) -> list[str]:
    said = []
    if measured["unanswered"]:
        total = measured["answered"] + measured["unanswered"]
        said.append(f"{measured['unanswered']} of {total} questions have no answer: counted wrong.")
    if measured["without_frames"]:
        count = measured["without_frames"]
        said.append(f"{count} questions without frames here are left out, as in evaluate.")
    return said


def of_spotting(measured: Mapping[str, Any]) -> str:
    """Loose and tight Average-mAP, over all, shown and unshown actions."""
    rows: list[Sequence[str]] = [("metric", "candidate", "all", "shown", "unshown")]
    for metric in ("loose", "tight"):
        for who, found in measured["candidates"].items():
            means = [f"{found[metric][view]['mean']:.6f}" for view in ("all", "shown", "unshown")]
            rows.append((metric, who, *means))
    said = f"{measured['games']} games, {measured['labels']} labels, "
    lines = [*_table(rows), "", f"{said}{measured['predictions']} predictions."]
    missing = len(measured["unanswered"])
    if missing:
        lines.append(f"{missing} games have no predictions: counted as nothing found.")
    return "\n".join(lines) + "\n"


def _table(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]


class Sheet(EvalSet):
    """A bench whose clips are shown to nobody."""

    @cached_property
    def asked(self) -> list[Question]:
        """What evaluate asks: questions whose clips have frames; where none has any, all."""
        every = [q for q in self.questions_by_id.values() if q.split == self.split]
        if not every:
            known = (
                ", ".join(sorted({q.split for q in self.questions_by_id.values()}))
                or "no split at all"
            )
            wrong = f"no question is in the {self.split} split"
            raise InputError(self.questions, wrong, f"there is {known}: choose by --split")
        lost = next((q for q in every if q.clip not in self.clips_by_id), None)
        if lost:
            wrong = f"the clip {lost.clip} of question {lost.id} is unknown"
            raise InputError(self.clips, wrong, "give clips and questions of one run")
        return [q for q in every if self.clips_by_id[q.clip].frames] or every

    def _game(self, question: Question) -> EvalItem:
        clip = self.clips_by_id[question.clip]
        reel = ClipFrames(np.empty(0), lambda times: [], self.dialogue.clock_offset(clip))
        return EvalItem(question, clip, reel, self._captions_by_clip.get(question.clip, []))


def sheet(
    clips: Path,
    captions: Path,
    questions: Path,
    budget: FrameBudget,
    dialogue: Dialogue,
    split: str,
) -> Sheet:
    """The test questions, or those of another split."""
    return Sheet(clips, captions, questions, Path(), budget, dialogue, split)


def floors(sheet: Sheet, interval: float) -> dict[str, list[Trajectory]]:
    """Every floor that needs no model; `interval` is the seconds it gives to one action."""
    setting = EvalSettings(sheet.budget, sheet.dialogue, sheet.build_prior(interval))
    games = sheet.load_items()
    found = {}
    for name in FLOORS:
        floor = FloorCandidate(kind="floor", name=name)
        said = floor.open(setting)(games)
        found[name] = [floor.to_trajectory(g, s, setting) for g, s in zip(games, said, strict=True)]
    return found


SCORES = "scores.json"


class Rule(NamedTuple):
    """How answers are judged: what the section `evaluate` says of it."""

    theta: float
    seed: int
    interval: float
    judge: JudgeParams | None


class Result(NamedTuple):
    """The rows of every candidate, floors first, and what they come to."""

    rows: dict[str, list[Trajectory]]
    measured: dict[str, Any]


def score(file: Path, name: str, sheet: Sheet, rule: Rule) -> Result:
    """Score a file of answers under a name; what it leaves out counts as unanswered: wrong."""
    if not re.match(CANDIDATE_NAME_PATTERN, name) or name.startswith("floor."):
        raise InputError(name, "is no name for answers", "choose letters and digits by --name")
    asked = {question.id for question in sheet.asked}
    given = read(file, asked, sheet.questions_by_id)
    rows = floors(sheet, rule.interval)
    rows[name] = [row(name, question, given.get(question.id)) for question in sheet.asked]
    measured = score_candidates(rows, sheet, rule.theta, rule.seed)
    if rule.judge:
        measured["judge"] = grade_open_answers(rows, sheet.questions_by_id, rule.judge, rule.seed)
    counts = {"answered": len(given), "unanswered": len(asked) - len(given)}
    return Result(rows, {**measured, **counts, "without_frames": sheet.skipped_count})


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


def keep(
    folder: Path, result: Result, sheet: Sheet, about: Mapping[str, Any], licence: LicenceParams
):
    """Write answers.parquet, scores.json and report.html: all of them or none."""
    check_free(folder)
    withheld = licence.withheld_terms("report")
    with atomic_folder(folder) as draft:
        every = [row for given in result.rows.values() for row in given]
        write_records(draft / "answers.parquet", Trajectory, every)
        write_scores(draft, result.measured)
        write_evaluation_report(
            draft / "report.html",
            questions=sheet.questions_by_id,
            clips=sheet.clips_by_id,
            answers=result.rows,
            scores=result.measured,
            frames=_no_frame,
            logs={},
            about={"Answers": about, "Dialogue": sheet.dialogue.model_dump()},
            zero=sheet.dialogue.clock_offset,
            withheld=withheld,
            player=False,
        )
        touchline_licence.write_product_terms(
            draft,
            touchline_licence.collect_source_terms(sheet.clips_by_id[q.clip] for q in sheet.asked),
        )


def write_scores(folder: Path, measured: Mapping[str, Any]) -> None:
    """The numbers as JSON."""
    text = json.dumps(measured, indent=2, sort_keys=True)
    (folder / SCORES).write_text(f"{text}\n", encoding="utf-8")


def check_free(folder: Path) -> None:
    """Raise `InputError` where something else than scores would be replaced."""
    if folder.exists() and not (folder / SCORES).is_file():
        raise InputError(folder, "is there and holds no scores", "name a new folder by -o")


def _no_frame(clip: Clip, time: float) -> NoReturn:
    """Answers from elsewhere name no frames by which they were found."""
    raise LookupError(f"{clip.id} at {time} s")
