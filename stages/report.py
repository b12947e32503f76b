"""Stage: the pages of an evaluation. report.html compares all candidates, player.html replays
single attempts. Both are drawn from what `evaluate` wrote, so a new colour asks no model again.
"""

import json
from collections.abc import Callable, Collection, Iterable, Sequence
from pathlib import Path
from typing import Any

from PIL.Image import Image

from touchline import licence as touchline_licence
from touchline.atomic import atomic_folder
from touchline.chat.dialogue import Dialogue
from touchline.chat.tools.choose_frames import FrameBudget
from touchline.config import run_stage
from touchline.errors import InputError
from touchline.evaluation.params import EvaluateParams
from touchline.licence import LicenceParams
from touchline.model.params import StudentParams
from touchline.records.clip import Clip
from touchline.records.question import Question
from touchline.records.rollout import Rollout
from touchline.records.table import group_by_field, index_by_id, read_records
from touchline.records.trajectory import Trajectory
from touchline.report.page import write_evaluation_report
from touchline.report.player import pick_player_attempts, write_player_page
from touchline.report.score_order import order_scores
from touchline.video.frame_store import FrameStore

JUDGE_FACTS = ("model", "host", "prompt", "absent", "agreement", "faults")
Sections = dict[str, dict[str, Any]]


def main(
    evaluate: EvaluateParams,
    student: StudentParams,
    budget: FrameBudget,
    dialogue: Dialogue,
    licence: LicenceParams,
    clips: Path,
    questions: Path,
    frames: Path,
    sft: Path,
    rl: Path,
    accepted: Path,
    answers: Path,
    scores: Path,
    report: Path,
) -> dict[str, float]:
    clips_by_id = index_by_id(read_records(clips / "clips.parquet", Clip))
    questions_by_id = index_by_id(read_records(questions / "questions.parquet", Question))
    rows = dict(group_by_field(read_records(answers / "answers.parquet", Trajectory), "author"))
    measured = order_scores(read_scores(scores), list(rows))
    asked = [questions_by_id[row.question] for row in next(iter(rows.values()), [])]
    about = {"Questions": summarize_questions(asked, measured["without_frames"])}
    about |= build_report_sections(evaluate, student, budget, dialogue)
    about |= summarize_judge(measured.get("judge"))
    rollouts = read_optional_records(rl / "rollouts.parquet", Rollout)
    lessons = read_optional_records(accepted / "trajectories.parquet", Trajectory)
    picked = pick_player_attempts(rows, rollouts, lessons)
    withheld = licence.withheld_terms("report")
    shared = {
        "questions": questions_by_id,
        "clips": clips_by_id,
        "frames": build_frame_reader(frames),
        "withheld": withheld,
    }
    with atomic_folder(report) as draft:
        logs = {"sft": read_training_log(sft), "rl": read_training_log(rl)}
        page, zero = draft / "report.html", dialogue.clock_offset
        write_evaluation_report(
            page, answers=rows, scores=measured, logs=logs, about=about, zero=zero, **shared
        )
        write_player_page(draft / "player.html", picked=picked, **shared)
        write_shown_terms(draft, clips_by_id.values(), withheld)
    return {"candidates": len(rows), "questions": len(asked), "attempts": len(picked)}


def read_scores(file: Path) -> dict[str, Any]:
    """The metrics of the stage `evaluate`. Raises `InputError` if the file is missing or no JSON
    object with scores.
    """
    remedy = "rerun evaluate"
    try:
        scores = json.loads(file.read_text(encoding="utf-8"))
    except OSError:
        raise InputError(file, "is missing", remedy) from None
    except ValueError:
        raise InputError(file, "is no JSON", remedy) from None
    if not isinstance(scores, dict) or "candidates" not in scores:
        raise InputError(file, "holds no scores of candidates", remedy)
    return scores


def build_frame_reader(frames: Path) -> Callable[[Clip, float], Image]:
    """A function from a clip and a time in it (seconds) to the stored picture."""
    store = FrameStore(frames)
    return lambda clip, time: store.images(clip.video, [clip.start + time])[0]


def read_optional_records(file: Path, kind: type[Any]) -> list[Any]:
    """Read a Parquet file of `kind`; [] if it does not exist, as for an imported model."""
    return read_records(file, kind) if file.is_file() else []


def read_training_log(model: Path) -> list[dict[str, Any]]:
    """The entries of a model's log.jsonl, one dict per logged training step."""
    return [json.loads(line) for line in (model / "log.jsonl").read_text().splitlines()]


def write_shown_terms(folder: Path, clips: Iterable[Clip], withheld: Collection[str]) -> None:
    """Write terms.json of the sources whose content the pages show."""
    shown_clips = [clip for clip in clips if clip.terms not in withheld]
    terms = touchline_licence.collect_source_terms(shown_clips)
    touchline_licence.write_product_terms(folder, terms)


def build_report_sections(
    evaluate: EvaluateParams, student: StudentParams, budget: FrameBudget, dialogue: Dialogue
) -> Sections:
    """The report's sections of settings: {title: {key: value}}."""
    return {
        "Frames a model may see": budget.model_dump(),
        "Dialogue": dialogue.model_dump(),
        "Student": student.model_dump(exclude={"tiny"}),
        "Evaluation": summarize_evaluate_params(evaluate),
    }


def summarize_questions(asked: Sequence[Question], without_frames: int) -> dict[str, Any]:
    """How many questions were asked and left out, of how many matches and of which sources."""
    return {
        "asked": len(asked),
        "left out, no frames here": without_frames,
        "of matches": len({(question.sport, question.match) for question in asked}),
        "sources": ", ".join(sorted({question.source for question in asked})),
    }


def summarize_evaluate_params(evaluate: EvaluateParams) -> dict[str, Any]:
    """The section `evaluate` for the report, each candidate as `name (kind)`."""
    named = [f"{entry['name']} ({entry['kind']})" for entry in evaluate.candidates]
    return {**evaluate.model_dump(exclude={"candidates"}), "candidates": ", ".join(named)}


def summarize_judge(judged: dict[str, Any] | None) -> Sections:
    """The report's section about the judge of open answers; {} if there was none."""
    if not judged:
        return {}
    facts = {key: str(judged[key]) for key in JUDGE_FACTS if key in judged}
    return {"Judge of open answers": facts}


if __name__ == "__main__":
    run_stage(main)
