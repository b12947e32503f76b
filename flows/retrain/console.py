"""Retrain from the console: the flow in this process, with a Prefect server of its own."""

import sys
from pathlib import Path
from typing import Any

from flows.retrain import run
from flows.retrain import run as retrain_run
from flows.retrain.run import Request, Run
from flows.runs import record, terminal, worktree
from flows.services import environment, prefect_server


def retrain(request: Request) -> int:
    """Exit status: 0 all is up to date, 1 a stage failed."""
    root = worktree.root()
    environment.prepare(root)
    with run.opened(root, request) as going:
        if going.idle:
            sentence = retrain_run.nothing_to_do(going)
            run.rest(going)
            _settle(root, going)
            terminal.say(sentence)
            return 0
        run.stop_at_once(going)
        _announce(going)
        _follow(root, going)
    terminal.say(retrain_run.closing(going.record))
    return 0 if going.record.state == "completed" and not going.record.unsent else 1


def _settle(root: Path, going: Run) -> None:
    """Where nothing is left to do, Prefect and MLflow may not know yet of a run that was killed."""
    if any(one.pid for one in record.every(root)):
        with prefect_server.served(root, going.lock):
            from flows.retrain.flow import settle

            settle(root)


def _announce(going: Run) -> None:
    begin = next(step.name for step in going.steps if step.changed)
    terminal.say(f"run {going.record.id}: {len(going.steps)} stages, from {begin} on")
    for key, value in going.record.overrides.items():
        terminal.say(f"  {key} = {value}")


def _follow(root: Path, going: Run) -> None:
    with prefect_server.served(root, going.lock) as api:
        from prefect.events.worker import EventsWorker

        from flows.retrain.flow import retrain as flow

        terminal.say(f"watch it at {api.removesuffix('/api')}")
        token = run.CURRENT.set(going)
        try:
            ask = going.request
            named = flow.with_options(flow_run_name=going.record.id)
            state: Any = named(
                ask.preset, ask.sets, ask.stage, ask.dirty, ask.force, return_state=True
            )
            if not state.is_completed() and going.record.state == "running":
                going.record.state, going.record.error = "failed", f"the flow: {state.message}"
        finally:
            run.CURRENT.reset(token)
        sys.stdout.flush()
        EventsWorker.drain_all(timeout=10)
