"""`touchline retrain` from the console: the Prefect flow in this process, with a local Prefect
server if none is configured.
"""

import sys
from pathlib import Path
from typing import Any

from flows.retrain import run
from flows.retrain import run as retrain_run
from flows.retrain.run import RetrainRequest, RunSession
from flows.runs import record, terminal, worktree
from flows.services import environment, prefect_server


def run_retrain(request: RetrainRequest) -> int:
    """Run a retrain and print its result. Exit status 0: all stages are up to date and pushed; 1: a
    stage or the push failed.
    """
    root = worktree.find_checkout()
    environment.prepare_environment(root)
    with run.open_run(root, request) as session:
        if session.is_idle:
            sentence = retrain_run.format_idle_run(session)
            run.finish_idle_run(session)
            _report_dead_runs(root, session)
            terminal.print_line(sentence)
            return 0
        run.install_stop_handlers(session)
        _print_plan(session)
        _run_flow(root, session)
    terminal.print_line(retrain_run.format_run_end(session.record))
    return 0 if session.record.state == "completed" and not session.record.unsent else 1


def _report_dead_runs(root: Path, session: RunSession) -> None:
    """Report runs that were killed to Prefect and MLflow, if there are any; starts a server only
    then.
    """
    if any(past_run.pid for past_run in record.list_runs(root)):
        with prefect_server.serve_prefect(root, session.lock):
            from flows.retrain.flow import report_dead_runs

            report_dead_runs(root)


def _print_plan(session: RunSession) -> None:
    begin = next(step.name for step in session.steps if step.changed)
    terminal.print_line(f"run {session.record.id}: {len(session.steps)} stages, from {begin} on")
    for key, value in session.record.overrides.items():
        terminal.print_line(f"  {key} = {value}")


def _run_flow(root: Path, session: RunSession) -> None:
    with prefect_server.serve_prefect(root, session.lock) as api:
        from prefect.events.worker import EventsWorker

        from flows.retrain.flow import retrain as flow

        terminal.print_line(f"watch it at {api.removesuffix('/api')}")
        request = session.request
        named_flow = flow.with_options(flow_run_name=session.record.id)
        with run.offer_run(session):
            state: Any = named_flow(
                request.preset,
                request.sets,
                request.stage,
                request.dirty,
                request.force,
                return_state=True,
            )
        if not state.is_completed() and session.record.state == "running":
            session.record.state, session.record.error = "failed", f"the flow: {state.message}"
        sys.stdout.flush()
        EventsWorker.drain_all(timeout=10)
