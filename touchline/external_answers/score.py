"""Score answers made elsewhere: the questions they are held against, the floors next to them, and
the scores as text.
"""

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
from touchline.evaluation.floors import FLOORS, build_answer_prior
from touchline.evaluation.judge import grade_open_answers
from touchline.evaluation.params import JudgeParams
from touchline.evaluation.replayed_answer import replay_candidate_answer
from touchline.evaluation.scoring import score_candidates
from touchline.evaluation.test_set import EvalSet
from touchline.external_answers.read import ExternalAnswer, read_external_answers
from touchline.licence import LicenceParams
from touchline.metrics.scores import HEADLINE_METRICS, get_headline_estimate
from touchline.records.clip import Clip
from touchline.records.question import Question
from touchline.records.table import write_records
from touchline.records.trajectory import Trajectory
from touchline.report import verdict
from touchline.report.page import write_evaluation_report
from touchline.tasks import TASKS


def format_answer_scores(scores: Mapping[str, Any], name: str) -> str:
    """The headline metric of each task and candidate (floors first), and a sentence per task."""
    rows = [("task", "candidate", "metric", "value", "95 %", "n")]
    for task in scores["candidates"][name]:
        for candidate, tasks in scores["candidates"].items():
            entry = get_headline_estimate(tasks, task)
            spread = f"{entry.low:.3f} to {entry.high:.3f}"
            metric = HEADLINE_METRICS.get(task, "accuracy")
            rows.append((task, candidate, metric, f"{entry.value:.3f}", spread, str(entry.n)))
    sentences = [entry.sentence for entry in verdict.build_task_verdicts(scores)]
    return "\n".join([*_align_table(rows), "", *sentences, *_list_missing_answers(scores)]) + "\n"


def _list_missing_answers(scores: Mapping[str, Any]) -> list[str]:
    sentences = []
    if scores["unanswered"]:
        total = scores["answered"] + scores["unanswered"]
        sentences.append(
            f"{scores['unanswered']} of {total} questions have no answer: counted wrong."
        )
    if scores["without_frames"]:
        count = scores["without_frames"]
        sentences.append(f"{count} questions without frames here are left out, as in evaluate.")
    return sentences


def format_spotting_scores(scores: Mapping[str, Any]) -> str:
    """Loose and tight Average-mAP over all, shown and unshown actions."""
    rows: list[Sequence[str]] = [("metric", "candidate", "all", "shown", "unshown")]
    for metric in ("loose", "tight"):
        for candidate, metrics in scores["candidates"].items():
            means = [f"{metrics[metric][view]['mean']:.6f}" for view in ("all", "shown", "unshown")]
            rows.append((metric, candidate, *means))
    counts_text = f"{scores['games']} games, {scores['labels']} labels, "
    lines = [*_align_table(rows), "", f"{counts_text}{scores['predictions']} predictions."]
    missing = len(scores["unanswered"])
    if missing:
        lines.append(f"{missing} games have no predictions: counted as nothing found.")
    return "\n".join(lines) + "\n"


def _align_table(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]


class ExternalEvalSet(EvalSet):
    """An evaluation set without frames."""

    @cached_property
    def split_questions(self) -> list[Question]:
        """The questions that `evaluate` asks: those whose clips have frames; if none has, all of
        the split.
        """
        in_split = [q for q in self.questions_by_id.values() if q.split == self.split]
        if not in_split:
            known_splits = (
                ", ".join(sorted({q.split for q in self.questions_by_id.values()}))
                or "no split at all"
            )
            wrong = f"no question is in the {self.split} split"
            raise InputError(self.questions, wrong, f"there is {known_splits}: choose by --split")
        without_clip = next((q for q in in_split if q.clip not in self.clips_by_id), None)
        if without_clip:
            wrong = f"the clip {without_clip.clip} of question {without_clip.id} is unknown"
            raise InputError(self.clips, wrong, "give clips and questions of one run")
        return [q for q in in_split if self.clips_by_id[q.clip].frames] or in_split

    def _build_item(self, question: Question) -> EvalItem:
        clip = self.clips_by_id[question.clip]
        no_frames = ClipFrames(np.empty(0), lambda times: [], self.dialogue.clock_offset(clip))
        return EvalItem(question, clip, no_frames, self._captions_by_clip.get(question.clip, []))


def open_external_eval_set(
    clips: Path,
    captions: Path,
    questions: Path,
    budget: FrameBudget,
    dialogue: Dialogue,
    split: str,
) -> ExternalEvalSet:
    """The evaluation set of a split, from the folders of clips, captions and questions."""
    return ExternalEvalSet(
        clips=clips,
        captions=captions,
        questions=questions,
        frames=Path(),
        budget=budget,
        dialogue=dialogue,
        split=split,
    )


def answer_external_floors(
    eval_set: ExternalEvalSet, interval: float
) -> dict[str, list[Trajectory]]:
    """{floor name: its trajectories} for every floor that needs no model; `interval` is the seconds
    it assumes per action.
    """
    settings = EvalSettings(
        eval_set.budget, eval_set.dialogue, build_answer_prior(eval_set, interval)
    )
    items = eval_set.load_items()
    rows_by_floor = {}
    for name in FLOORS:
        floor = FloorCandidate(kind="floor", name=name)
        answers = floor.open(settings)(items)
        rows_by_floor[name] = [
            replay_candidate_answer(floor, item, answer, settings)
            for item, answer in zip(items, answers, strict=True)
        ]
    return rows_by_floor


SCORES_FILE = "scores.json"


class ScoringParams(NamedTuple):
    """How answers are scored, from the section `evaluate` of params.yaml."""

    theta: float
    seed: int
    interval: float
    judge: JudgeParams | None


class ExternalScores(NamedTuple):
    """The rows of every candidate (floors first), and their scores as a dict."""

    rows: dict[str, list[Trajectory]]
    scores: dict[str, Any]


def score_external_answers(
    file: Path, name: str, eval_set: ExternalEvalSet, params: ScoringParams
) -> ExternalScores:
    """Score a file of answers under a candidate name; unanswered questions count as wrong."""
    if not re.match(CANDIDATE_NAME_PATTERN, name) or name.startswith("floor."):
        raise InputError(name, "is not a name for answers", "choose letters and digits by --name")
    question_ids = {question.id for question in eval_set.split_questions}
    answers = read_external_answers(file, question_ids, eval_set.questions_by_id)
    rows = answer_external_floors(eval_set, params.interval)
    rows[name] = [
        build_external_trajectory(name, question, answers.get(question.id))
        for question in eval_set.split_questions
    ]
    scores = score_candidates(rows, eval_set, params.theta, params.seed)
    if params.judge:
        scores["judge"] = grade_open_answers(
            rows, eval_set.questions_by_id, params.judge, params.seed
        )
    counts = {"answered": len(answers), "unanswered": len(question_ids) - len(answers)}
    return ExternalScores(rows, {**scores, **counts, "without_frames": eval_set.skipped_count})


def build_external_trajectory(
    name: str, question: Question, external: ExternalAnswer | None
) -> Trajectory:
    """Score one external answer with the task of its question. A missing answer (None) becomes an
    empty, invalid trajectory.
    """
    external = external or ExternalAnswer("", False, [], 0)
    block = {"type": "text", "text": external.text}
    messages = [{"role": "assistant", "content": [block]}] if external.text else []
    return Trajectory(
        id=f"{name}:{question.id}",
        question=question.id,
        author=name,
        split=question.split,
        sport=question.sport,
        task=question.task,
        match=question.match,
        messages=json.dumps(messages, ensure_ascii=False),
        answer=external.answer,
        score=TASKS[question.task].score(external.answer, question.truth),
        valid=external.valid,
        windows=external.windows,
        frames=external.frames,
    )


def write_external_results(
    folder: Path,
    result: ExternalScores,
    eval_set: ExternalEvalSet,
    about: Mapping[str, Any],
    licence: LicenceParams,
):
    """Write answers.parquet, scores.json and report.html into `folder`: all of them or none."""
    check_output_folder(folder)
    withheld = licence.withheld_terms("report")
    with atomic_folder(folder) as draft:
        all_rows = [row for candidate_rows in result.rows.values() for row in candidate_rows]
        write_records(draft / "answers.parquet", Trajectory, all_rows)
        write_scores_json(draft, result.scores)
        write_evaluation_report(
            draft / "report.html",
            questions=eval_set.questions_by_id,
            clips=eval_set.clips_by_id,
            answers=result.rows,
            scores=result.scores,
            frames=_raise_no_frame,
            logs={},
            about={"Answers": about, "Dialogue": eval_set.dialogue.model_dump()},
            zero=eval_set.dialogue.clock_offset,
            withheld=withheld,
            player=False,
        )
        touchline_licence.write_product_terms(
            draft,
            touchline_licence.collect_source_terms(
                eval_set.clips_by_id[q.clip] for q in eval_set.split_questions
            ),
        )


def write_scores_json(folder: Path, scores: Mapping[str, Any]) -> None:
    """Write the scores to scores.json."""
    text = json.dumps(scores, indent=2, sort_keys=True)
    (folder / SCORES_FILE).write_text(f"{text}\n", encoding="utf-8")


def check_output_folder(folder: Path) -> None:
    """Raise `InputError` if the folder exists and does not hold earlier scores."""
    if folder.exists() and not (folder / SCORES_FILE).is_file():
        raise InputError(folder, "is there and holds no scores", "name a new folder by -o")


def _raise_no_frame(clip: Clip, time: float) -> NoReturn:
    """Frame lookup for the report: external answers name no frames, so it always raises
    `LookupError`.
    """
    raise LookupError(f"{clip.id} at {time} s")
