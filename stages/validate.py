"""Stage: check all tables, reject trajectories that fail, and write a page of the findings."""

import json
from collections import Counter
from collections.abc import Container, Sequence
from dataclasses import asdict
from pathlib import Path

import pyarrow.parquet as pq

from touchline import licence as touchline_licence
from touchline.atomic import atomic_folder
from touchline.chat.dialogue import Dialogue
from touchline.chat.tools.choose_frames import FrameBudget
from touchline.checks.tables.expectations import ValidateParams
from touchline.checks.tables.great_expectations import CheckOutcome, raise_on_failed_checks
from touchline.checks.tables.page import count_check_outcomes, write_validation_page
from touchline.checks.tables.run import PipelineRecords, validate_records
from touchline.config import run_stage
from touchline.ledger import RowLedger
from touchline.licence import LicenceParams
from touchline.records.caption import Caption
from touchline.records.clip import Clip
from touchline.records.question import Question
from touchline.records.table import read_records, write_records
from touchline.records.trajectory import Trajectory
from touchline.records.verdict import TeacherVerdict
from touchline.records.video import Video


def main(
    validate: ValidateParams,
    budget: FrameBudget,
    dialogue: Dialogue,
    licence: LicenceParams,
    manifest: Path,
    clips: Path,
    captions: Path,
    questions: Path,
    trajectories: Path,
    accepted: Path,
) -> dict[str, float]:
    """Write the accepted trajectories and the page of findings to `accepted`. Returns the stage's
    metrics. Raises `InputError` if a critical check fails.
    """
    records = PipelineRecords(
        videos=read_records(manifest / "videos.parquet", Video),
        clips=read_records(clips / "clips.parquet", Clip),
        captions=read_records(captions / "captions.parquet", Caption),
        questions=read_records(questions / "questions.parquet", Question),
        trajectories=read_records(trajectories / "trajectories.parquet", Trajectory),
        judge_accepted_ids=_read_judged_right_ids(trajectories / "verdicts.parquet"),
    )
    findings = validate_records(records, validate, budget, dialogue)
    raise_on_failed_checks(findings.outcomes, validate.fail_on)
    kept = [row for row in records.trajectories if row.id not in findings.reasons]
    fates = {f.name: _count_fates(f) for f in (manifest, clips, captions, questions, trajectories)}
    withheld_sources = touchline_licence.select_withheld_sources(
        touchline_licence.read_product_terms(manifest), licence.withheld_terms("gates")
    )
    fates[manifest.name] = _count_fates(manifest, withheld_sources)  # its reasons quote the files
    with atomic_folder(accepted) as draft:
        write_records(draft / "trajectories.parquet", Trajectory, kept)
        totals = _write_trajectory_ledger(
            records.trajectories, findings.reasons, draft / "ledger.parquet"
        )
        fates[accepted.name] = _count_fates(draft)
        touchline_licence.write_product_terms(
            draft, touchline_licence.collect_source_terms(records.clips)
        )
        (draft / "gates.json").write_text(_format_gates_json(findings.outcomes), encoding="utf-8")
        page = draft / "page.html"
        write_validation_page(page, findings.outcomes, records.questions, kept, fates)
    counts = count_check_outcomes(findings.outcomes)
    return {**totals, "checks": len(findings.outcomes), "warnings": counts["warning"]}


def _read_judged_right_ids(file: Path) -> frozenset[str]:
    """Of a served teacher's trajectories, those that a judge takes for right."""
    verdicts = read_records(file, TeacherVerdict) if file.is_file() else []
    return frozenset(verdict.id for verdict in verdicts if verdict.judged == "right")


def _write_trajectory_ledger(
    attempts: Sequence[Trajectory], reasons: dict[str, str], path: Path
) -> dict[str, float]:
    ledger = RowLedger(attempt.id for attempt in attempts)
    for attempt in attempts:
        if attempt.id in reasons:
            ledger.drop(attempt.id, reasons[attempt.id])
        else:
            ledger.keep(attempt.id)
    return ledger.close(path)


def _count_fates(folder: Path, withheld_sources: Container[str] = ()) -> Counter[tuple[str, str]]:
    """(state, reason) -> rows of a stage's ledger; rows of `secret` sources have no reason."""
    table = pq.read_table(folder / "ledger.parquet").to_pylist()
    return Counter(
        (
            row["state"],
            touchline_licence.WITHHELD_REASON
            if row["row"].split("/")[0] in withheld_sources
            else row["reason"],
        )
        for row in table
    )


def _format_gates_json(outcomes: list[CheckOutcome]) -> str:
    rows = [asdict(outcome) for outcome in outcomes]
    return (
        json.dumps(
            {"counts": count_check_outcomes(outcomes), "checks": rows}, indent=2, sort_keys=True
        )
        + "\n"
    )


if __name__ == "__main__":
    run_stage(main)
