"""The Prefect flow of a night: evaluate all candidates, compare them, run the gate, send alerts.
Does not import torch.
"""

from collections.abc import Callable, Sequence
from typing import Any

from prefect import flow, get_run_logger, task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State
from prefect.runtime import flow_run
from prefect.states import Completed, Failed

from flows.nightly import alerts, events, lineup, promote, record, score, session
from flows.nightly import ask as nightly_ask
from flows.nightly import finish as nightly_finish
from flows.nightly.session import NightRequest, NightSession
from flows.runs import terminal, worktree
from flows.services import environment
from flows.tracking import mlflow_health
from touchline.errors import InputError
from touchline.progress import parse_progress_line

LOG_INTERVAL = 15.0  # seconds between two progress lines in the log of the server

step: Any = task(cache_policy=NO_CACHE, persist_result=False)


@flow(name="nightly", persist_result=False)
def nightly(benchmark: str = "", runs: Sequence[str] = ()) -> State:
    """Evaluate champion and challengers on the benchmark, compare, gate, alert."""
    root = worktree.find_checkout()
    environment.prepare_environment(root)
    request = NightRequest(benchmark, tuple(runs))
    with session.enter_night(root, request) as night_session:
        night_session.night.flow_run = str(flow_run.id or "")
        return run_night_steps(night_session)


def run_night_steps(night_session: NightSession) -> State:
    """Run all steps of the night. An exception is recorded, alerted, and turned into a Failed
    state.
    """
    try:
        assemble_night(night_session)
        for name in [nightly_ask.FLOORS, *night_session.night.candidates]:
            ask_candidate.with_options(task_run_name=f"ask {name}")(night_session, name)
        compare_night(night_session)
        run_gate(night_session)
        night_session.night.sentence = nightly_finish.summarize_night(night_session.night)
    except Exception as error:  # the border to a night's record: whatever happened is recorded
        night_session.night.state = "failed"
        night_session.night.error = " ".join(str(error).split()) or repr(error)
        if not isinstance(error, InputError):
            get_run_logger().exception("the night failed")
    alert_night(night_session)
    close_night(night_session)
    if night_session.night.state == "failed":
        return Failed(message=night_session.night.error)
    return Completed(message=night_session.night.sentence)


@step
def assemble_night(night_session: NightSession) -> None:
    """Check MLflow, finish interrupted decisions, and choose benchmark, champion and
    challengers.
    """
    mlflow_health.check_mlflow_reachable()
    promote.finish_decisions_locked(night_session.root)
    lineup.assemble_lineup(night_session)
    names = ", ".join(night_session.night.candidates)
    questions = night_session.night.benchmark["questions"]
    _print_and_log(
        f"{questions} questions of run {night_session.night.benchmark['run']} to {names}"
    )


@step
def ask_candidate(night_session: NightSession, name: str) -> None:
    """Get one candidate's answers and score them. A challenger that fails is left out, with the
    reason in its record.
    """
    with events.emit_candidate_events(night_session, name):
        _ask_and_score(night_session, name)


def _ask_and_score(night_session: NightSession, name: str) -> None:
    if name == nightly_ask.FLOORS:
        score.score_floors(night_session, nightly_ask.answer_floors(night_session))
        return
    candidate = night_session.night.candidates[name]
    try:
        score.score_candidate(
            night_session,
            name,
            nightly_ask.get_model_answers(night_session, candidate.model, _line_logger(name)),
        )
    except InputError as fault:
        candidate.error = str(fault)
        _print_and_log(f"{name} is left out: {fault}")
    if candidate.failed:
        _print_and_log(f"{name} broke down at {candidate.failed} questions: they count as wrong")
    night_session.save()


@step
def compare_night(night_session: NightSession) -> None:
    """Compare the candidates with the champion and with last night. Raises an input error if none
    could be evaluated.
    """
    if not any(candidate.answers for candidate in night_session.night.candidates.values()):
        causes = "; ".join(candidate.error for candidate in night_session.night.candidates.values())
        raise InputError(
            "nightly", f"no candidate could be evaluated: {causes}", "correct the first"
        )
    score.compare_night_candidates(night_session)
    for candidate in night_session.night.candidates.values():
        for sentence in candidate.verdicts:
            _print_and_log(sentence)


@step
def run_gate(night_session: NightSession) -> None:
    """Run the promotion gate on every challenger, oldest first."""
    for name, candidate in night_session.night.candidates.items():
        if candidate.answers and name in night_session.headlines:
            promote.judge_challenger(night_session, name)
            if candidate.decision:
                _print_and_log(candidate.decision)
    night_session.save()


@step
def alert_night(night_session: NightSession) -> None:
    """Send the night's alerts."""
    before = [
        entry
        for entry in record.list_night_records(night_session.root)
        if entry.id != night_session.night.id
    ]
    alerts.send_alerts(night_session, alerts.list_alerts(night_session.night, before))
    for entry in night_session.night.alerts:
        _print_and_log(f"alert ({entry['about']}): {entry['outcome']}")


@step
def close_night(night_session: NightSession) -> None:
    """Log the night to MLflow and write its pages."""
    nightly_finish.finish_night(night_session)


def _line_logger(name: str) -> Callable[[str], None]:
    logger, due = get_run_logger(), terminal.Throttle(LOG_INTERVAL)

    def log_line(text: str) -> None:
        is_progress = parse_progress_line(text) is not None
        terminal.print_line(f"[{name}] {text}", passing=is_progress)
        if not is_progress or due():
            logger.info("%s: %s", name, text)

    return log_line


def _print_and_log(text: str) -> None:
    terminal.print_line(text)
    get_run_logger().info(text)
