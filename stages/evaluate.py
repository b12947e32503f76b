"""Ask base, SFT, RL and other candidates the test questions, beside honest floors; the report."""

import json
from pathlib import Path
from typing import Any

from touchline import licence as touchline_licence
from touchline.atomic import atomic_folder
from touchline.chat.dialogue import Dialogue
from touchline.chat.tools.choose_frames import FrameBudget
from touchline.config import Params, run_stage
from touchline.evaluation.candidates import EvalCandidate, parse_candidates
from touchline.evaluation.candidates.candidate import EvalSettings
from touchline.evaluation.engine import answer_questions, count_failed_answers
from touchline.evaluation.judge import JudgeParams, grade_open_answers
from touchline.evaluation.scoring import score_candidates
from touchline.evaluation.test_set import EvalSet
from touchline.evaluation.tool_ablation import ToolAblationSettings, measure_tool_ablation
from touchline.ledger import RowLedger
from touchline.licence import LicenceParams
from touchline.model.load import StudentParams
from touchline.records.rollout import Rollout
from touchline.records.table import read_records, write_records
from touchline.records.trajectory import Trajectory
from touchline.report.page import write_evaluation_report
from touchline.report.player import pick_player_attempts, write_player_page

RUN_MODELS = ("base", "sft", "rl")
TrajectoriesByCandidate = dict[str, list[Trajectory]]


class EvaluateParams(Params):
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
    evaluate: EvaluateParams,
    student: StudentParams,
    budget: FrameBudget,
    dialogue: Dialogue,
    licence: LicenceParams,
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
    setting = build_eval_settings(evaluate, student, bench, own)
    every = build_candidate_lineup(evaluate.candidates)
    for candidate in every:
        candidate.identity(setting)  # one that is not to be had is known before hours of work
    rows = {c.name: answer_questions(c, bench, setting, evaluate.processes) for c in every}
    measured = score_candidates(rows, bench, evaluate.theta, evaluate.seed)
    measured["necessity"] = run_tool_ablation(rl, rows, bench, evaluate, setting)
    if evaluate.judge:
        measured["judge"] = grade_open_answers(
            rows, bench.questions_by_id, evaluate.judge, evaluate.seed
        )
    write_answers(answers, rows, bench, own)
    sections = {
        "Student": student.model_dump(exclude={"tiny"}),
        "Evaluation": summarize_evaluate_params(evaluate),
    }
    if evaluate.judge:
        told = {k: v for k, v in measured["judge"].items() if k != "candidates"}
        sections["Judge of open answers"] = {key: str(value) for key, value in told.items()}
    lessons = read_optional_records(accepted / "trajectories.parquet", Trajectory)
    write_report_pages(report, rows, measured, bench, own, lessons, sections, licence)
    broken = {
        name: count_failed_answers(given)
        for name, given in rows.items()
        if count_failed_answers(given)
    }
    return {**measured, "without_frames": bench.skipped_count, "failed": broken}


def build_eval_settings(
    evaluate: EvaluateParams, student: StudentParams, bench: EvalSet, own: dict[str, Path]
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


def build_candidate_lineup(entries: list[dict[str, Any]]) -> list[EvalCandidate]:
    """Floors first, then others, then the run's own: the order of the report."""
    mine = [{"kind": "model", "name": name, "model": name, "revision": ""} for name in RUN_MODELS]
    found = parse_candidates([*entries, *mine])
    return sorted(found, key=lambda c: (c.name in RUN_MODELS, not c.name.startswith("floor.")))


def run_tool_ablation(
    rl: Path,
    rows: TrajectoriesByCandidate,
    bench: EvalSet,
    evaluate: EvaluateParams,
    setting: EvalSettings,
) -> Any:
    """What the tool is worth to the model after RL."""
    how = ToolAblationSettings(
        setting.budget,
        setting.dialogue,
        setting.dtype,
        setting.turn_tokens,
        setting.batch,
        setting.seed,
    )
    games = [(game.question, game.reel) for game in bench.load_items()]
    return measure_tool_ablation(rl, games, rows["rl"], evaluate.necessity, how)


def write_answers(
    folder: Path, rows: TrajectoriesByCandidate, bench: EvalSet, own: dict[str, Path]
) -> None:
    """Every answer of every candidate, and what became of each test question."""
    with atomic_folder(folder) as draft:
        every = [row for given in rows.values() for row in given]
        write_records(draft / "answers.parquet", Trajectory, every)
        asked = {question.id for question in bench.split_questions}
        ledger = RowLedger(q.id for q in bench.questions_by_id.values() if q.split == bench.split)
        for id in ledger.rows:
            ledger.keep(id) if id in asked else ledger.drop(id, "no frames here")
        ledger.close(draft / "ledger.parquet")
        touchline_licence.write_product_terms(
            draft, touchline_licence.collect_source_terms(bench.clips_by_id.values()), *own.values()
        )


def write_report_pages(
    folder: Path,
    rows: TrajectoriesByCandidate,
    measured: dict[str, Any],
    bench: EvalSet,
    own: dict[str, Path],
    lessons: list[Trajectory],
    sections: dict[str, dict[str, Any]],
    licence: LicenceParams,
) -> None:
    """The report and the player, without what is under terms that forbid it."""
    withheld = licence.withheld_terms("report")
    with atomic_folder(folder) as draft:
        write_evaluation_report(
            draft / "report.html",
            questions=bench.questions_by_id,
            clips=bench.clips_by_id,
            answers=rows,
            scores=measured,
            frames=lambda clip, time: bench.store.images(clip.video, [clip.start + time])[0],
            logs={name: read_training_log(own[name]) for name in ("sft", "rl")},
            about=build_report_sections(bench, sections),
            zero=bench.dialogue.clock_offset,
            withheld=withheld,
        )
        write_player_page(
            draft / "player.html",
            questions=bench.questions_by_id,
            clips=bench.clips_by_id,
            picked=pick_player_attempts(
                rows, read_optional_records(own["rl"] / "rollouts.parquet", Rollout), lessons
            ),
            frames=lambda clip, time: bench.store.images(clip.video, [clip.start + time])[0],
            withheld=withheld,
        )
        shown = [clip for clip in bench.clips_by_id.values() if clip.terms not in withheld]
        touchline_licence.write_product_terms(draft, touchline_licence.collect_source_terms(shown))


def read_optional_records(file: Path, kind: type[Any]) -> list[Any]:
    """The attempts of teacher or RL; none where a model was brought from elsewhere."""
    return read_records(file, kind) if file.is_file() else []


def read_training_log(model: Path) -> list[dict[str, Any]]:
    """The numbers a training wrote down, step by step."""
    return [json.loads(line) for line in (model / "log.jsonl").read_text().splitlines()]


def build_report_sections(
    bench: EvalSet, sections: dict[str, dict[str, Any]]
) -> dict[str, dict[str, Any]]:
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


def summarize_evaluate_params(evaluate: EvaluateParams) -> dict[str, Any]:
    """The section of the parameters, a candidate by its name and kind."""
    named = [f"{entry['name']} ({entry['kind']})" for entry in evaluate.candidates]
    return {**evaluate.model_dump(exclude={"candidates"}), "candidates": ", ".join(named)}


if __name__ == "__main__":
    run_stage(main)
