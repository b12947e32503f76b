"""`touchline doctor`: check that this checkout can run, and say what is wrong and how to fix it."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

from flows.doctor import kept, left, machine, services
from flows.doctor.finding import DoctorFinding
from flows.services import environment
from touchline.errors import InputError

EXAMINATIONS = (
    machine.examine_machine,
    services.examine_services,
    kept.examine_run_products,
    left.examine_leftovers,
)


def run_doctor(root: Path, full: bool, fix: bool, as_json: bool) -> int:
    """Run all checks and print the findings. Exit status 1 if anything is broken and
    was not fixed.
    """
    environment.prepare_environment(root)
    findings = [
        _apply_fix(finding) if fix else finding for finding in collect_doctor_findings(root, full)
    ]
    sys.stdout.write(
        format_doctor_findings_json(findings) if as_json else format_doctor_findings(findings)
    )
    return int(any(finding.state == "broken" for finding in findings))


def collect_doctor_findings(root: Path, full: bool) -> Iterator[DoctorFinding]:
    """Findings of all checks. An `InputError` in one group of checks becomes a finding, and the
    next group goes on.
    """
    for examine in EXAMINATIONS:
        try:
            yield from examine(root, full)
        except InputError as fault:
            yield DoctorFinding(fault.place, "broken", fault.wrong, fault.remedy)


def _apply_fix(finding: DoctorFinding) -> DoctorFinding:
    if finding.fix is None:
        return finding
    try:
        finding.fix()
    except InputError as fault:
        return DoctorFinding(finding.about, finding.state, finding.sentence, str(fault))
    return DoctorFinding(finding.about, "ok", f"{finding.sentence}: fixed")


def format_doctor_findings(findings: list[DoctorFinding]) -> str:
    """Two lines per finding at most: the state with a sentence, and the remedy. The worst come
    last.
    """
    rank = {"ok": 0, "warning": 1, "broken": 2}
    lines = []
    for finding in sorted(findings, key=lambda finding: rank[finding.state]):
        lines.append(f"{finding.state:<8} {finding.about}: {finding.sentence}")
        if finding.remedy:
            lines.append(f"{'':<8} -> {finding.remedy}")
    return "\n".join([*lines, ""])


def format_doctor_findings_json(findings: list[DoctorFinding]) -> str:
    """The findings as a JSON list of {about, state, sentence, remedy, fixable}."""
    keys = ("about", "state", "sentence", "remedy")
    rows = [
        {**{k: getattr(finding, k) for k in keys}, "fixable": bool(finding.fix)}
        for finding in findings
    ]
    return json.dumps(rows, indent=2, ensure_ascii=False) + "\n"
