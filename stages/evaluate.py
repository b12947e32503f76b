"""Stage: all candidates (base, SFT, RL, floors and others) answer the test questions, and their
answers are scored. The stage `report` draws the pages.
"""

from pathlib import Path
from typing import Any

from touchline import licence as touchline_licence
from touchline.atomic import atomic_folder
from touchline.chat.dialogue import Dialogue
from touchline.chat.tools.choose_frames import FrameBudget
from touchline.config import run_stage
from touchline.evaluation.candidates import EvalCandidate, parse_candidates
from touchline.evaluation.candidates.candidate import EvalSettings
from touchline.evaluation.engine import answer_questions, count_failed_answers
from touchline.evaluation.floors import build_answer_prior
from touchline.evaluation.judge import grade_open_answers
from touchline.evaluation.params import EvaluateParams
from touchline.evaluation.scoring import score_candidates
from touchline.evaluation.test_set import EvalSet
from touchline.evaluation.tool_ablation import ToolAblationSettings, measure_tool_ablation
from touchline.ledger import RowLedger
from touchline.model.params import StudentParams
from touchline.records.table import write_records
from touchline.records.trajectory import Trajectory

RUN_MODELS = ("base", "sft", "rl")
TrajectoriesByCandidate = dict[str, list[Trajectory]]


def main(
    evaluate: EvaluateParams,
    student: StudentParams,
    budget: FrameBudget,
    dialogue: Dialogue,
    clips: Path,
    captions: Path,
    questions: Path,
    frames: Path,
    base: Path,
    sft: Path,
    rl: Path,
    answers: Path,
) -> dict[str, Any]:
    bench = EvalSet(
        clips=clips,
        captions=captions,
        questions=questions,
        frames=frames,
        budget=budget,
        dialogue=dialogue,
    )
    model_folders = {"base": base, "sft": sft, "rl": rl}
    setting = build_eval_settings(evaluate, student, bench, model_folders)
    all_candidates = build_candidate_lineup(evaluate.candidates)
    for candidate in all_candidates:
        candidate.identity(setting)  # one that is not to be had is known before hours of work
    rows = {c.name: answer_questions(c, bench, setting, evaluate.processes) for c in all_candidates}
    metrics = score_candidates(rows, bench, evaluate.theta, evaluate.seed)
    metrics["necessity"] = run_tool_ablation(rl, rows, bench, evaluate, setting)
    if evaluate.judge:
        metrics["judge"] = grade_open_answers(
            rows, bench.questions_by_id, evaluate.judge, evaluate.seed
        )
    write_answers(answers, rows, bench, model_folders)
    failures = {
        name: count_failed_answers(candidate_rows)
        for name, candidate_rows in rows.items()
        if count_failed_answers(candidate_rows)
    }
    return {**metrics, "without_frames": bench.skipped_count, "failed": failures}


def build_eval_settings(
    evaluate: EvaluateParams, student: StudentParams, bench: EvalSet, model_folders: dict[str, Path]
) -> EvalSettings:
    """The settings shared by all candidates."""
    return EvalSettings(
        budget=bench.budget,
        dialogue=bench.dialogue,
        prior=build_answer_prior(bench, evaluate.interval),
        dtype=student.dtype,
        attention=student.attention,
        threads=student.threads,
        seed=evaluate.seed,
        batch=evaluate.batch,
        turn_tokens=evaluate.turn_tokens,
        models=model_folders,
    )


def build_candidate_lineup(entries: list[dict[str, Any]]) -> list[EvalCandidate]:
    """The candidates in the report's order: floors, others, then base, SFT and RL."""
    run_entries = [
        {"kind": "model", "name": name, "model": name, "revision": ""} for name in RUN_MODELS
    ]
    candidates = parse_candidates([*entries, *run_entries])
    return sorted(candidates, key=lambda c: (c.name in RUN_MODELS, not c.name.startswith("floor.")))


def run_tool_ablation(
    rl: Path,
    rows: TrajectoriesByCandidate,
    bench: EvalSet,
    evaluate: EvaluateParams,
    setting: EvalSettings,
) -> Any:
    """Run the tool ablation (`measure_tool_ablation`) on the model after RL."""
    ablation_settings = ToolAblationSettings(
        budget=setting.budget,
        dialogue=setting.dialogue,
        dtype=setting.dtype,
        turn_tokens=setting.turn_tokens,
        batch=setting.batch,
        seed=setting.seed,
    )
    items = [(item.question, item.reel) for item in bench.load_items()]
    return measure_tool_ablation(rl, items, rows["rl"], evaluate.necessity, ablation_settings)


def write_answers(
    folder: Path, rows: TrajectoriesByCandidate, bench: EvalSet, model_folders: dict[str, Path]
) -> None:
    """Write all candidates' answers, the ledger of test questions and terms.json."""
    with atomic_folder(folder) as draft:
        all_rows = [row for candidate_rows in rows.values() for row in candidate_rows]
        write_records(draft / "answers.parquet", Trajectory, all_rows)
        asked_ids = {question.id for question in bench.split_questions}
        ledger = RowLedger(q.id for q in bench.questions_by_id.values() if q.split == bench.split)
        for id in ledger.rows:
            ledger.keep(id) if id in asked_ids else ledger.drop(id, "no frames here")
        ledger.close(draft / "ledger.parquet")
        touchline_licence.write_product_terms(
            draft,
            touchline_licence.collect_source_terms(bench.clips_by_id.values()),
            *model_folders.values(),
        )


if __name__ == "__main__":
    run_stage(main)
