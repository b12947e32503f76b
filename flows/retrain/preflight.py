"""Preflight: check before any stage runs that this machine can run the later stages too, and that
MLflow answers.

A stage may name a check module in dvc.yaml as `meta: {door: MODULE}`. `python -m MODULE STAGE ...`
is called once with all stages of that module that are due; on failure it prints one error sentence
and exits nonzero.
"""

import sys
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from flows.runs import overrides, supervised
from flows.runs.dvc_project import PipelineStep
from flows.services import environment
from flows.tracking import mlflow_health
from touchline.errors import InputError


def run_preflight_checks(
    root: Path, folder: Path, steps: Sequence[PipelineStep], lock: int
) -> None:
    """Run the preflight check of each due stage and check MLflow. Raises an input error with the
    sentence of the failed check.
    """
    if list_due_stages(steps):
        mlflow_health.check_mlflow_reachable()
    stages_by_module: defaultdict[str, list[str]] = defaultdict(list)
    stages = overrides.read_yaml_mapping(folder / "dvc.yaml").get("stages", {})
    for name in list_due_stages(steps):
        if module := stages.get(name, {}).get("meta", {}).get("door"):
            stages_by_module[module].append(name)
    for module, names in stages_by_module.items():
        output_lines: list[str] = []
        argv = [sys.executable, "-m", module, *names]
        outcome = supervised.run_supervised(
            argv,
            folder,
            environment.build_stage_environment(root, folder, {}),
            output_lines.append,
            [lock],
        )
        if outcome.status:
            raise parse_preflight_error(
                module, output_lines[-1] if output_lines else f"ended with status {outcome.status}"
            )


def list_due_stages(steps: Sequence[PipelineStep]) -> list[str]:
    """Names of the stages that changed or need a stage that is due."""
    due_stages: list[str] = []
    for step in steps:
        if step.changed or set(step.needs) & set(due_stages):
            due_stages.append(step.name)
    return due_stages


def parse_preflight_error(module: str, line: str) -> InputError:
    """Parse a printed line `error: PLACE: WRONG; REMEDY` back into an input error."""
    place, colon, explanation = line.removeprefix("error: ").partition(": ")
    wrong, semicolon, remedy = explanation.rpartition("; ")
    if not (line.startswith("error: ") and colon and semicolon):
        return InputError(module, line, "correct this door of dvc.yaml")
    return InputError(place, wrong, remedy)
