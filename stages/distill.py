"""Distill trajectories: a teacher answers the training questions, thinking with the frame tool."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from touchline import licence
from touchline.atomic import whole_file
from touchline.chat.dialogue import Dialogue
from touchline.chat.tools.choose_frames import Budget
from touchline.config import run
from touchline.endpoint import Endpoint
from touchline.errors import InputError
from touchline.ledger import Ledger
from touchline.records import (
    Clip,
    Label,
    Question,
    Trajectory,
    Verdict,
    by_id,
    grouped,
    read,
    write,
)
from touchline.teacher import TEACHERS, Teacher
from touchline.teacher.summary import lineage, numbers
from touchline.teacher.teacher import Course, Distill, Taught


def main(
    distill: Distill,
    budget: Budget,
    dialogue: Dialogue,
    manifest: Path,
    clips: Path,
    questions: Path,
    frames: Path,
    trajectories: Path,
) -> dict[str, float]:
    every = read(questions / "questions.parquet", Question)
    by_clip = by_id(read(clips / "clips.parquet", Clip))
    labels = grouped(read(manifest / "labels.parquet", Label), "video")
    course = Course(
        [question for question in every if question.split == "train"],
        by_clip,
        labels,
        frames,
        budget,
        dialogue,
        distill.served,
        distill.vague,
        distill.jitter,
    )
    taught = list(_teacher(distill, course, by_clip)(course))
    kept = [one.trajectory for one in taught if one.trajectory is not None]
    write(trajectories / "trajectories.parquet", Trajectory, kept)
    licence.mark(trajectories, licence.of(by_clip.values()))
    with whole_file(trajectories / "teacher.json") as draft:
        draft.write_text(json.dumps(lineage(distill, dialogue), indent=1) + "\n")
    totals = _ledger(every, taught).close(trajectories / "ledger.parquet")
    calls = sum(bool(t.windows) for t in kept) / max(len(kept), 1)
    measured = {**totals, "calls": calls, "without_frames": sum(not t.frames for t in kept)}
    return measured | _verdicts(taught, trajectories / "verdicts.parquet")


def _teacher(distill: Distill, course: Course, clips: Mapping[str, Clip]) -> Teacher:
    """The teacher asked for, unless what it would be shown must not leave this machine."""
    if distill.teacher not in TEACHERS:
        known = ", ".join(TEACHERS)
        raise InputError("distill.teacher", f"there is no {distill.teacher}", f"known are {known}")
    shown = {clips[question.clip].terms for question in course.questions}
    bound = sorted(shown - set(distill.served.terms))
    if distill.teacher == "served" and bound:
        for endpoint in distill.served.asked:
            _stays(endpoint, bound)
    return TEACHERS[distill.teacher]


def _stays(endpoint: Endpoint, bound: Sequence[str]) -> None:
    if not endpoint.here:
        wrong = f"would get frames or words under the terms {', '.join(bound)}"
        remedy = "leave these sources out, or add the terms to distill.served.terms if you may"
        raise InputError(f"distill.served: {endpoint.host}", wrong, remedy)


def _ledger(every: Sequence[Question], taught: Sequence[Taught]) -> Ledger:
    ledger, reasons = Ledger(q.id for q in every), {one.question.id: one for one in taught}
    for question in every:
        if question.split != "train":
            ledger.drop(question.id, f"{question.split} split: never taught")
        elif reasons[question.id].trajectory is None:
            ledger.drop(question.id, f"teacher: {reasons[question.id].reason}")
        else:
            ledger.keep(question.id)
    return ledger


def _verdicts(taught: Sequence[Taught], file: Path) -> dict[str, float]:
    """The verdicts beside the trajectories, and their numbers; none of a teacher that knows."""
    verdicts = [one.verdict for one in taught if one.verdict is not None]
    if not verdicts:
        file.unlink(missing_ok=True)
        return {}
    write(file, Verdict, verdicts)
    return numbers(verdicts)


if __name__ == "__main__":
    run(main)
