"""A run without Prefect and MLflow: request, lock, worktree, supervisor, DVC, stages and record.

It is what the flow does for each stage, at a third of the flow's CPU; started by
`python -m tests.chaos.bare` in a project's folder.
"""

import sys

from flows.retrain import run, stage_process
from flows.retrain.run import RetrainRequest, RunSession
from flows.runs import worktree
from flows.runs.record import StageRecord
from flows.services import environment


def main() -> int:
    root = worktree.find_checkout()
    environment.prepare_environment(root)
    with run.open_run(root, RetrainRequest()) as going:
        if going.is_idle:
            run.publish_products(going)
            return 0
        run.install_stop_handlers(going)
        for step in going.steps:
            done = stage_process.reproduce_stage(
                going, step.name, False, {}, lambda text, line: None
            )
            if not _taken(going, step.name, done):
                return 1
        run.complete_run(going)
    return 0 if going.record.state == "completed" else 1


def _taken(going: RunSession, name: str, done: StageRecord) -> bool:
    going.record.stages[name] = done
    if done.state == "Failed":
        going.record.state, going.record.error = "failed", f"{name}: {done.error}"
    going.save()
    return done.state != "Failed"


if __name__ == "__main__":
    sys.exit(main())
