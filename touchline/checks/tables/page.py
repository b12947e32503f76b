"""The page of the gates, offline: Great Expectations' Data Docs load from the internet."""

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from touchline.checks.tables.great_expectations import SAMPLES, Outcome
from touchline.html_page.template import write_html_page
from touchline.records.question import Question
from touchline.records.trajectory import Trajectory

REASONS = 12  # most frequent reasons shown


def write_gates(
    path: Path,
    outcomes: Sequence[Outcome],
    questions: Sequence[Question],
    accepted: Sequence[Trajectory],
    fates: Mapping[str, Counter[tuple[str, str]]],
) -> None:
    """Write the page; `fates` counts (state, reason) per stage's ledger."""
    write_html_page(
        path,
        Path(__file__).with_name("gates.html"),
        counts=tally(outcomes),
        tables=[(name, list(found)) for name, found in groupby(outcomes, lambda o: o.table)],
        samples=SAMPLES,
        spread=_spread(questions),
        accepted=sorted(Counter((row.sport, row.task) for row in accepted).items()),
        flow={stage: _flow(found) for stage, found in fates.items()},
    )


def tally(outcomes: Sequence[Outcome]) -> dict[str, int]:
    """How many checks passed, and how many failed by severity."""
    failed = Counter(outcome.severity for outcome in outcomes if not outcome.passed)
    passed = sum(outcome.passed for outcome in outcomes)
    return {"passed": passed} | {s: failed[s] for s in ("critical", "warning", "info")}


def _spread(questions: Sequence[Question]) -> list[tuple[str, str, dict[str, int], float]]:
    """(sport, task, questions by split, their length in percent of the longest)."""
    counts: dict[tuple[str, str], Counter[str]] = {}
    for question in questions:
        counts.setdefault((question.sport, question.task), Counter())[question.split] += 1
    most = max((found.total() for found in counts.values()), default=1)
    return [
        (sport, task, {s: n[s] for s in ("train", "val", "test")}, n.total() / most * 100)
        for (sport, task), n in sorted(counts.items())
    ]


def _flow(found: Counter[tuple[str, str]]) -> dict[str, Any]:
    """The states of a ledger as shares, and its commonest reasons for a drop."""
    states = Counter[str]()
    for (state, _), count in found.items():
        states[state] += count
    reasons = [(why, count) for (state, why), count in found.items() if state == "dropped"]
    reasons.sort(key=lambda pair: (-pair[1], pair[0]))
    total = max(states.total(), 1)
    return {
        "rows": states.total(),
        "states": [(s, states[s], states[s] / total * 100) for s in ("kept", "split", "dropped")],
        "reasons": reasons[:REASONS],
    }
