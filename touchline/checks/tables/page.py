"""The HTML report of the data checks; it works offline, unlike Great Expectations' Data Docs."""

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from touchline.checks.tables.great_expectations import SAMPLE_IDS, CheckOutcome
from touchline.html_page.template import write_html_page
from touchline.records.question import Question
from touchline.records.trajectory import Trajectory

MAX_DROP_REASONS = 12  # most frequent reasons shown


def write_validation_page(
    path: Path,
    outcomes: Sequence[CheckOutcome],
    questions: Sequence[Question],
    accepted: Sequence[Trajectory],
    fates: Mapping[str, Counter[tuple[str, str]]],
) -> None:
    """Write the HTML page. `fates` counts (state, reason) of rows per stage, from the stages'
    ledgers.
    """
    write_html_page(
        path,
        Path(__file__).with_name("gates.html"),
        counts=count_check_outcomes(outcomes),
        tables=[(name, list(group)) for name, group in groupby(outcomes, lambda o: o.table)],
        samples=SAMPLE_IDS,
        spread=_count_questions(questions),
        accepted=sorted(Counter((row.sport, row.task) for row in accepted).items()),
        flow={stage: _summarize_row_fates(group) for stage, group in fates.items()},
    )


def count_check_outcomes(outcomes: Sequence[CheckOutcome]) -> dict[str, int]:
    """The number of passed checks, and of failed checks by severity: {passed, critical, warning,
    info}.
    """
    failed = Counter(outcome.severity for outcome in outcomes if not outcome.passed)
    passed = sum(outcome.passed for outcome in outcomes)
    return {"passed": passed} | {s: failed[s] for s in ("critical", "warning", "info")}


def _count_questions(questions: Sequence[Question]) -> list[tuple[str, str, dict[str, int], float]]:
    """(sport, task, questions by split, bar length in percent of the longest)."""
    counts: dict[tuple[str, str], Counter[str]] = {}
    for question in questions:
        counts.setdefault((question.sport, question.task), Counter())[question.split] += 1
    largest = max((by_split.total() for by_split in counts.values()), default=1)
    return [
        (sport, task, {s: n[s] for s in ("train", "val", "test")}, n.total() / largest * 100)
        for (sport, task), n in sorted(counts.items())
    ]


def _summarize_row_fates(fates: Counter[tuple[str, str]]) -> dict[str, Any]:
    """Row counts and shares by state of a ledger, and its most frequent drop reasons."""
    states = Counter[str]()
    for (state, _), count in fates.items():
        states[state] += count
    reasons = [(why, count) for (state, why), count in fates.items() if state == "dropped"]
    reasons.sort(key=lambda pair: (-pair[1], pair[0]))
    total = max(states.total(), 1)
    return {
        "rows": states.total(),
        "states": [(s, states[s], states[s] / total * 100) for s in ("kept", "split", "dropped")],
        "reasons": reasons[:MAX_DROP_REASONS],
    }
