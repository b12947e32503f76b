"""Ask, before any stage runs, whether this machine can run the later ones, and MLflow answers.

A stage may name a module as `meta: {door: MODULE}` in dvc.yaml. `python -m MODULE STAGE ...` is
called once for all stages of that module that are due, and ends with one sentence if it cannot be.
"""

import sys
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from flows.runs import overrides, supervised
from flows.runs.dvc_project import Step
from flows.services import environment
from flows.tracking import mlflow_health
from touchline.errors import BadInput


def ask(root: Path, folder: Path, steps: Sequence[Step], lock: int) -> None:
    """Raise `BadInput` with the door's own sentence."""
    if due(steps):
        mlflow_health.reach()
    doors: defaultdict[str, list[str]] = defaultdict(list)
    known = overrides.read(folder / "dvc.yaml").get("stages", {})
    for name in due(steps):
        if module := known.get(name, {}).get("meta", {}).get("door"):
            doors[module].append(name)
    for module, names in doors.items():
        said: list[str] = []
        argv = [sys.executable, "-m", module, *names]
        ended = supervised.run(
            argv, folder, environment.stage(root, folder, {}), said.append, [lock]
        )
        if ended.status:
            raise refusal(module, said[-1] if said else f"ended with status {ended.status}")


def due(steps: Sequence[Step]) -> list[str]:
    """The stages that changed, and those that need one that did."""
    found: list[str] = []
    for step in steps:
        if step.changed or set(step.needs) & set(found):
            found.append(step.name)
    return found


def refusal(module: str, line: str) -> BadInput:
    """The sentence as the fault that it was when it was said."""
    place, colon, rest = line.removeprefix("error: ").partition(": ")
    wrong, semicolon, remedy = rest.rpartition("; ")
    if not (line.startswith("error: ") and colon and semicolon):
        return BadInput(module, line, "mend this door of dvc.yaml")
    return BadInput(place, wrong, remedy)
