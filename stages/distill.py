"""Stage: a teacher answers the training questions with the frame tool; its
trajectories are stored.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from touchline import licence
from touchline.atomic import atomic_file
from touchline.chat.dialogue import Dialogue
from touchline.chat.tools.choose_frames import FrameBudget
from touchline.config import run_stage
from touchline.endpoint import EndpointParams
from touchline.errors import InputError
from touchline.ledger import RowLedger
from touchline.records.clip import Clip
from touchline.records.label import Label
from touchline.records.question import Question
from touchline.records.table import group_by_field, index_by_id, read_records, write_records
from touchline.records.trajectory import Trajectory
from touchline.records.verdict import TeacherVerdict
from touchline.teacher import TEACHERS, Teacher
from touchline.teacher.summary import compute_teacher_metrics, describe_teacher
from touchline.teacher.teacher import DistillParams, TaughtQuestion, TeachingJob


def main(
    distill: DistillParams,
    budget: FrameBudget,
    dialogue: Dialogue,
    manifest: Path,
    clips: Path,
    questions: Path,
    frames: Path,
    trajectories: Path,
) -> dict[str, float]:
    """Write the teacher's trajectories for the training questions to `trajectories`, with a ledger
    of what was rejected. Returns the stage's metrics.
    """
    all_questions = read_records(questions / "questions.parquet", Question)
    by_clip = index_by_id(read_records(clips / "clips.parquet", Clip))
    labels = group_by_field(read_records(manifest / "labels.parquet", Label), "video")
    job = TeachingJob(
        questions=[question for question in all_questions if question.split == "train"],
        clips=by_clip,
        labels=labels,
        frames=frames,
        budget=budget,
        dialogue=dialogue,
        served=distill.served,
        vague=distill.vague,
        jitter=distill.jitter,
    )
    taught_questions = list(_select_teacher(distill, job, by_clip)(job))
    kept = [entry.trajectory for entry in taught_questions if entry.trajectory is not None]
    write_records(trajectories / "trajectories.parquet", Trajectory, kept)
    licence.write_product_terms(trajectories, licence.collect_source_terms(by_clip.values()))
    with atomic_file(trajectories / "teacher.json") as draft:
        draft.write_text(json.dumps(describe_teacher(distill, dialogue), indent=1) + "\n")
    totals = _build_question_ledger(all_questions, taught_questions).close(
        trajectories / "ledger.parquet"
    )
    calls = sum(bool(t.windows) for t in kept) / max(len(kept), 1)
    metrics = {**totals, "calls": calls, "without_frames": sum(not t.frames for t in kept)}
    return metrics | _write_verdicts(taught_questions, trajectories / "verdicts.parquet")


def _select_teacher(distill: DistillParams, job: TeachingJob, clips: Mapping[str, Clip]) -> Teacher:
    """The teacher asked for, unless what it would be shown must not leave this machine."""
    if distill.teacher not in TEACHERS:
        teacher_names = ", ".join(TEACHERS)
        raise InputError(
            "distill.teacher", f"there is no {distill.teacher}", f"known are {teacher_names}"
        )
    shown_terms = {clips[question.clip].terms for question in job.questions}
    restricted_terms = sorted(shown_terms - set(distill.served.terms))
    if distill.teacher == "served" and restricted_terms:
        for endpoint in distill.served.endpoints_used:
            _require_local_endpoint(endpoint, restricted_terms)
    return TEACHERS[distill.teacher]


def _require_local_endpoint(endpoint: EndpointParams, restricted_terms: Sequence[str]) -> None:
    if not endpoint.is_local:
        wrong = f"would get frames or words under the terms {', '.join(restricted_terms)}"
        remedy = "leave these sources out, or add the terms to distill.served.terms if you may"
        raise InputError(f"distill.served: {endpoint.host}", wrong, remedy)


def _build_question_ledger(
    all_questions: Sequence[Question], taught_questions: Sequence[TaughtQuestion]
) -> RowLedger:
    ledger, entry_by_question = (
        RowLedger(q.id for q in all_questions),
        {entry.question.id: entry for entry in taught_questions},
    )
    for question in all_questions:
        if question.split != "train":
            ledger.drop(question.id, f"{question.split} split: never taught")
        elif entry_by_question[question.id].trajectory is None:
            ledger.drop(question.id, f"teacher: {entry_by_question[question.id].reason}")
        else:
            ledger.keep(question.id)
    return ledger


def _write_verdicts(taught_questions: Sequence[TaughtQuestion], file: Path) -> dict[str, float]:
    """The verdicts beside the trajectories, and their numbers; none of a teacher that knows."""
    verdicts = [entry.verdict for entry in taught_questions if entry.verdict is not None]
    if not verdicts:
        file.unlink(missing_ok=True)
        return {}
    write_records(file, TeacherVerdict, verdicts)
    return compute_teacher_metrics(verdicts)


if __name__ == "__main__":
    run_stage(main)
