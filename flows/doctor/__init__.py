"""`touchline doctor`: is this checkout fit to run, what is wrong with it, and what to do."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

from flows.doctor import kept, left, machine, services
from flows.doctor.finding import Finding
from flows.services import environment
from touchline.errors import BadInput

ROOMS = (machine.look, services.look, kept.look, left.look)


def run(root: Path, full: bool, fix: bool, as_json: bool) -> int:
    """Exit status 1 when something is broken and stays so."""
    environment.prepare(root)
    found = [_fixed(one) if fix else one for one in every(root, full)]
    sys.stdout.write(told_json(found) if as_json else told(found))
    return int(any(one.state == "broken" for one in found))


def every(root: Path, full: bool) -> Iterator[Finding]:
    """All findings; a room that cannot be looked at is one of them, and the others go on."""
    for look in ROOMS:
        try:
            yield from look(root, full)
        except BadInput as fault:
            yield Finding(fault.place, "broken", fault.wrong, fault.remedy)


def _fixed(one: Finding) -> Finding:
    if one.fix is None:
        return one
    try:
        one.fix()
    except BadInput as fault:
        return Finding(one.about, one.state, one.sentence, str(fault))
    return Finding(one.about, "ok", f"{one.sentence}: fixed")


def told(found: list[Finding]) -> str:
    """A line per finding, and a second one that says what to do; the worst come last."""
    rank = {"ok": 0, "warning": 1, "broken": 2}
    lines = []
    for one in sorted(found, key=lambda one: rank[one.state]):
        lines.append(f"{one.state:<8} {one.about}: {one.sentence}")
        if one.remedy:
            lines.append(f"{'':<8} -> {one.remedy}")
    return "\n".join([*lines, ""])


def told_json(found: list[Finding]) -> str:
    keys = ("about", "state", "sentence", "remedy")
    rows = [{**{k: getattr(one, k) for k in keys}, "fixable": bool(one.fix)} for one in found]
    return json.dumps(rows, indent=2, ensure_ascii=False) + "\n"
