"""Stage: all candidates (base, SFT, RL, floors and others) answer the test questions; writes scores
and report.
"""

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
from touchline.evaluation.floors import build_answer_prior
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
    """Params section `evaluate`."""

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
    sections = {
        "Student": student.model_dump(exclude={"tiny"}),
        "Evaluation": summarize_evaluate_params(evaluate),
    }
    if evaluate.judge:
        judge_facts = {k: v for k, v in metrics["judge"].items() if k != "candidates"}
        sections["Judge of open answers"] = {key: str(value) for key, value in judge_facts.items()}
    teacher_rows = read_optional_records(accepted / "trajectories.parquet", Trajectory)
    write_report_pages(report, rows, metrics, bench, model_folders, teacher_rows, sections, licence)
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


def write_report_pages(
    folder: Path,
    rows: TrajectoriesByCandidate,
    metrics: dict[str, Any],
    bench: EvalSet,
    model_folders: dict[str, Path],
    teacher_rows: list[Trajectory],
    sections: dict[str, dict[str, Any]],
    licence: LicenceParams,
) -> None:
    """Write report.html and player.html, without content of sources whose terms are withheld."""
    withheld = licence.withheld_terms("report")
    with atomic_folder(folder) as draft:
        write_evaluation_report(
            draft / "report.html",
            questions=bench.questions_by_id,
            clips=bench.clips_by_id,
            answers=rows,
            scores=metrics,
            frames=lambda clip, time: bench.store.images(clip.video, [clip.start + time])[0],
            logs={name: read_training_log(model_folders[name]) for name in ("sft", "rl")},
            about=build_report_sections(bench, sections),
            zero=bench.dialogue.clock_offset,
            withheld=withheld,
        )
        write_player_page(
            draft / "player.html",
            questions=bench.questions_by_id,
            clips=bench.clips_by_id,
            picked=pick_player_attempts(
                rows,
                read_optional_records(model_folders["rl"] / "rollouts.parquet", Rollout),
                teacher_rows,
            ),
            frames=lambda clip, time: bench.store.images(clip.video, [clip.start + time])[0],
            withheld=withheld,
        )
        shown_clips = [clip for clip in bench.clips_by_id.values() if clip.terms not in withheld]
        touchline_licence.write_product_terms(
            draft, touchline_licence.collect_source_terms(shown_clips)
        )


def read_optional_records(file: Path, kind: type[Any]) -> list[Any]:
    """Read a Parquet file of `kind`; [] if it does not exist, as for an imported model."""
    return read_records(file, kind) if file.is_file() else []


def read_training_log(model: Path) -> list[dict[str, Any]]:
    """The entries of a model's log.jsonl, one dict per logged training step."""
    return [json.loads(line) for line in (model / "log.jsonl").read_text().splitlines()]


def build_report_sections(
    bench: EvalSet, sections: dict[str, dict[str, Any]]
) -> dict[str, dict[str, Any]]:
    """The report's sections of settings: questions, frame budget, dialogue, and `sections`."""
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
    """The section `evaluate` for the report, each candidate as `name (kind)`."""
    named = [f"{entry['name']} ({entry['kind']})" for entry in evaluate.candidates]
    return {**evaluate.model_dump(exclude={"candidates"}), "candidates": ", ".join(named)}


if __name__ == "__main__":
    run_stage(main)
