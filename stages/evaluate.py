"""Ask base, SFT, RL and other candidates the test questions, beside honest floors; the report."""

import json
from pathlib import Path
from typing import Any

from touchline import licence as touchline_licence
from touchline.atomic import whole_folder
from touchline.chat.dialogue import Dialogue
from touchline.chat.tools.choose_frames import Budget
from touchline.config import Params, run
from touchline.evaluation.candidates import EvalCandidate, parse_candidates
from touchline.evaluation.candidates.candidate import EvalSettings
from touchline.evaluation.engine import answer_questions, count_failed_answers
from touchline.evaluation.judge import JudgeParams, grade_open_answers
from touchline.evaluation.scoring import score_candidates
from touchline.evaluation.test_set import EvalSet
from touchline.evaluation.tool_ablation import How, necessity
from touchline.ledger import Ledger
from touchline.licence import Licence
from touchline.model.load import StudentParams
from touchline.records import Rollout, Trajectory, read, write
from touchline.report.page import write_evaluation_report
from touchline.report.player import pick_player_attempts, write_player_page

OWN = ("base", "sft", "rl")
Rows = dict[str, list[Trajectory]]


class Evaluate(Params):
    seed: int  # of the bootstrap
    theta: float  # temporal IoU above which an interval counts
    interval: float  # seconds a floor gives to one action
    batch: int
    turn_tokens: int
    necessity: int  # questions, at most, that RL answers again without, with and with a blank tool
    processes: int  # that answer, each with its own copy of a model; a GPU for each, in turns
    judge: JudgeParams | None  # of open answers; null for none
    candidates: list[dict[str, Any]]  # beside base, sft and rl; kinds: touchline/candidates


def main(
    evaluate: Evaluate,
    student: StudentParams,
    budget: Budget,
    dialogue: Dialogue,
    licence: Licence,
    clips: Path,
    captions: Path,
    questions: Path,
    frames: Path,
    base: Path,
    sft: Path,
    rl: Path,
    accepted: Path,
    answers: Path,
    report: Path,
) -> dict[str, Any]:
    bench = EvalSet(clips, captions, questions, frames, budget, dialogue)
    own = {"base": base, "sft": sft, "rl": rl}
    setting = setting_of(evaluate, student, bench, own)
    every = lineup(evaluate.candidates)
    for candidate in every:
        candidate.identity(setting)  # one that is not to be had is known before hours of work
    rows = {c.name: answer_questions(c, bench, setting, evaluate.processes) for c in every}
    measured = score_candidates(rows, bench, evaluate.theta, evaluate.seed)
    measured["necessity"] = needed(rl, rows, bench, evaluate, setting)
    if evaluate.judge:
        measured["judge"] = grade_open_answers(
            rows, bench.questions_by_id, evaluate.judge, evaluate.seed
        )
    write_answers(answers, rows, bench, own)
    sections = {"Student": student.model_dump(exclude={"tiny"}), "Evaluation": chief(evaluate)}
    if evaluate.judge:
        told = {k: v for k, v in measured["judge"].items() if k != "candidates"}
        sections["Judge of open answers"] = {key: str(value) for key, value in told.items()}
    lessons = made(accepted / "trajectories.parquet", Trajectory)
    tell(report, rows, measured, bench, own, lessons, sections, licence)
    broken = {
        name: count_failed_answers(given)
        for name, given in rows.items()
        if count_failed_answers(given)
    }
    return {**measured, "without_frames": bench.skipped_count, "failed": broken}


def setting_of(
    evaluate: Evaluate, student: StudentParams, bench: EvalSet, own: dict[str, Path]
) -> EvalSettings:
    """What all candidates share."""
    return EvalSettings(
        budget=bench.budget,
        dialogue=bench.dialogue,
        prior=bench.build_prior(evaluate.interval),
        dtype=student.dtype,
        attention=student.attention,
        threads=student.threads,
        seed=evaluate.seed,
        batch=evaluate.batch,
        turn_tokens=evaluate.turn_tokens,
        models=own,
    )


def lineup(entries: list[dict[str, Any]]) -> list[EvalCandidate]:
    """Floors first, then others, then the run's own: the order of the report."""
    mine = [{"kind": "model", "name": name, "model": name, "revision": ""} for name in OWN]
    found = parse_candidates([*entries, *mine])
    return sorted(found, key=lambda c: (c.name in OWN, not c.name.startswith("floor.")))


def needed(rl: Path, rows: Rows, bench: EvalSet, evaluate: Evaluate, setting: EvalSettings) -> Any:
    """What the tool is worth to the model after RL."""
    how = How(
        setting.budget,
        setting.dialogue,
        setting.dtype,
        setting.turn_tokens,
        setting.batch,
        setting.seed,
    )
    games = [(game.question, game.reel) for game in bench.load_items()]
    return necessity(rl, games, rows["rl"], evaluate.necessity, how)


def write_answers(folder: Path, rows: Rows, bench: EvalSet, own: dict[str, Path]) -> None:
    """Every answer of every candidate, and what became of each test question."""
    with whole_folder(folder) as draft:
        every = [row for given in rows.values() for row in given]
        write(draft / "answers.parquet", Trajectory, every)
        asked = {question.id for question in bench.split_questions}
        ledger = Ledger(q.id for q in bench.questions_by_id.values() if q.split == bench.split)
        for id in ledger.rows:
            ledger.keep(id) if id in asked else ledger.drop(id, "no frames here")
        ledger.close(draft / "ledger.parquet")
        touchline_licence.mark(
            draft, touchline_licence.of(bench.clips_by_id.values()), *own.values()
        )


def tell(
    folder: Path,
    rows: Rows,
    measured: dict[str, Any],
    bench: EvalSet,
    own: dict[str, Path],
    lessons: list[Trajectory],
    sections: dict[str, dict[str, Any]],
    licence: Licence,
) -> None:
    """The report and the player, without what is under terms that forbid it."""
    withheld = licence.withheld("report")
    with whole_folder(folder) as draft:
        write_evaluation_report(
            draft / "report.html",
            questions=bench.questions_by_id,
            clips=bench.clips_by_id,
            answers=rows,
            scores=measured,
            frames=lambda clip, time: bench.store.images(clip.video, [clip.start + time])[0],
            logs={name: logged(own[name]) for name in ("sft", "rl")},
            about=about(bench, sections),
            zero=bench.dialogue.zero,
            withheld=withheld,
        )
        write_player_page(
            draft / "player.html",
            questions=bench.questions_by_id,
            clips=bench.clips_by_id,
            picked=pick_player_attempts(
                rows, made(own["rl"] / "rollouts.parquet", Rollout), lessons
            ),
            frames=lambda clip, time: bench.store.images(clip.video, [clip.start + time])[0],
            withheld=withheld,
        )
        shown = [clip for clip in bench.clips_by_id.values() if clip.terms not in withheld]
        touchline_licence.mark(draft, touchline_licence.of(shown))


def made(file: Path, kind: type[Any]) -> list[Any]:
    """The attempts of teacher or RL; none where a model was brought from elsewhere."""
    return read(file, kind) if file.is_file() else []


def logged(model: Path) -> list[dict[str, Any]]:
    """The numbers a training wrote down, step by step."""
    return [json.loads(line) for line in (model / "log.jsonl").read_text().splitlines()]


def about(bench: EvalSet, sections: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """What the page says about how its numbers came to be."""
    return {
        "Questions": {
            "asked": len(bench.split_questions),
            "left out, no frames here": bench.skipped_count,
            "of matches": len({(q.sport, q.match) for q in bench.split_questions}),
            "sources": ", ".join(sorted({q.source for q in bench.split_questions})),
        },
        "Frames a model may see": bench.budget.model_dump(),
        "Dialogue": bench.dialogue.model_dump(),
        **sections,
    }


def chief(evaluate: Evaluate) -> dict[str, Any]:
    """The section of the parameters, a candidate by its name and kind."""
    named = [f"{entry['name']} ({entry['kind']})" for entry in evaluate.candidates]
    return {**evaluate.model_dump(exclude={"candidates"}), "candidates": ", ".join(named)}


if __name__ == "__main__":
    run(main)
