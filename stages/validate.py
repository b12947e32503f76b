"""Let nothing into training that fails its gates, and write a page that says what was found."""

import json
from collections import Counter
from collections.abc import Container, Sequence
from dataclasses import asdict
from pathlib import Path

import pyarrow.parquet as pq

from touchline import licence as touchline_licence
from touchline.atomic import whole_folder
from touchline.chat.dialogue import Dialogue
from touchline.chat.tools.choose_frames import Budget
from touchline.checks.tables.expectations import Validate
from touchline.checks.tables.great_expectations import Outcome, stop
from touchline.checks.tables.page import tally, write_gates
from touchline.checks.tables.run import Records, judge
from touchline.config import run
from touchline.ledger import Ledger
from touchline.licence import Licence
from touchline.records import Caption, Clip, Question, Trajectory, Verdict, Video, read, write


def main(
    validate: Validate,
    budget: Budget,
    dialogue: Dialogue,
    licence: Licence,
    manifest: Path,
    clips: Path,
    captions: Path,
    questions: Path,
    trajectories: Path,
    accepted: Path,
) -> dict[str, float]:
    records = Records(
        read(manifest / "videos.parquet", Video),
        read(clips / "clips.parquet", Clip),
        read(captions / "captions.parquet", Caption),
        read(questions / "questions.parquet", Question),
        read(trajectories / "trajectories.parquet", Trajectory),
        _judged(trajectories / "verdicts.parquet"),
    )
    findings = judge(records, validate, budget, dialogue)
    stop(findings.outcomes, validate.fail_on)
    kept = [row for row in records.trajectories if row.id not in findings.reasons]
    fates = {f.name: _fates(f) for f in (manifest, clips, captions, questions, trajectories)}
    secret = touchline_licence.bound(touchline_licence.known(manifest), licence.withheld("gates"))
    fates[manifest.name] = _fates(manifest, secret)  # its reasons quote the files
    with whole_folder(accepted) as draft:
        write(draft / "trajectories.parquet", Trajectory, kept)
        totals = _ledger(records.trajectories, findings.reasons, draft / "ledger.parquet")
        fates[accepted.name] = _fates(draft)
        touchline_licence.mark(draft, touchline_licence.of(records.clips))
        (draft / "gates.json").write_text(_json(findings.outcomes), encoding="utf-8")
        page = draft / "page.html"
        write_gates(page, findings.outcomes, records.questions, kept, fates)
    found = tally(findings.outcomes)
    return {**totals, "checks": len(findings.outcomes), "warnings": found["warning"]}


def _judged(file: Path) -> frozenset[str]:
    """Of a served teacher's trajectories, those that a judge takes for right."""
    verdicts = read(file, Verdict) if file.is_file() else []
    return frozenset(verdict.id for verdict in verdicts if verdict.judged == "right")


def _ledger(
    attempts: Sequence[Trajectory], reasons: dict[str, str], path: Path
) -> dict[str, float]:
    ledger = Ledger(attempt.id for attempt in attempts)
    for attempt in attempts:
        if attempt.id in reasons:
            ledger.drop(attempt.id, reasons[attempt.id])
        else:
            ledger.keep(attempt.id)
    return ledger.close(path)


def _fates(folder: Path, secret: Container[str] = ()) -> Counter[tuple[str, str]]:
    """(state, reason) -> rows of a stage's ledger; rows of `secret` sources have no reason."""
    table = pq.read_table(folder / "ledger.parquet").to_pylist()
    return Counter(
        (
            row["state"],
            touchline_licence.WITHHELD if row["row"].split("/")[0] in secret else row["reason"],
        )
        for row in table
    )


def _json(outcomes: list[Outcome]) -> str:
    rows = [asdict(outcome) for outcome in outcomes]
    return json.dumps({"counts": tally(outcomes), "checks": rows}, indent=2, sort_keys=True) + "\n"


if __name__ == "__main__":
    run(main)
