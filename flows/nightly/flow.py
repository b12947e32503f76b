"""The Prefect flow of a night: ask all candidates, compare, gate, tell; free of torch."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from contextvars import ContextVar
from typing import Any

from prefect import flow, get_run_logger, task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State
from prefect.runtime import flow_run
from prefect.states import Completed, Failed

from flows.nightly import alerts, events, lineup, promote, record, score, session
from flows.nightly import ask as nightly_ask
from flows.nightly import finish as nightly_finish
from flows.nightly.session import Going, Request
from flows.runs import terminal, worktree
from flows.services import environment
from flows.tracking import mlflow_health
from touchline.errors import BadInput
from touchline.progress import read_line

CURRENT: ContextVar[Going | None] = ContextVar("current night", default=None)
SELDOM = 15.0  # seconds between two progress lines in the log of the server

step: Any = task(cache_policy=NO_CACHE, persist_result=False)


@flow(name="nightly", persist_result=False)
def nightly(benchmark: str = "", runs: Sequence[str] = ()) -> State:
    """Evaluate champion and challengers on the benchmark, compare, gate, alert."""
    with ExitStack() as stack:
        going = CURRENT.get()
        if going is None:  # a worker started us, not the console command
            root = worktree.root()
            environment.prepare(root)
            request = Request(benchmark, tuple(runs))
            going = stack.enter_context(session.opened(root, request))
        going.night.flow_run = str(flow_run.id or "")
        return held(going)


def held(going: Going) -> State:
    """All steps; whatever fails is told to somebody before the night ends."""
    try:
        assemble(going)
        for name in [nightly_ask.FLOORS, *going.night.candidates]:
            ask.with_options(task_run_name=f"ask {name}")(going, name)
        compare(going)
        gate(going)
        going.night.sentence = nightly_finish.sentence(going.night)
    except Exception as error:
        going.night.state = "failed"
        going.night.error = " ".join(str(error).split()) or repr(error)
        if not isinstance(error, BadInput):
            get_run_logger().exception("the night failed")
    tell(going)
    finish(going)
    if going.night.state == "failed":
        return Failed(message=going.night.error)
    return Completed(message=going.night.sentence)


@step
def assemble(going: Going) -> None:
    """Pin the benchmark; find the champion and who challenges it."""
    mlflow_health.reach()
    promote.settled(going.root)
    lineup.assemble(going)
    names = ", ".join(going.night.candidates)
    questions = going.night.benchmark["questions"]
    _say(f"{questions} questions of run {going.night.benchmark['run']} to {names}")


@step
def ask(going: Going, name: str) -> None:
    """Have one candidate's answers; a challenger that fails is left out, and told of."""
    with events.asked(going, name):
        _ask(going, name)


def _ask(going: Going, name: str) -> None:
    if name == nightly_ask.FLOORS:
        score.floors(going, nightly_ask.floors(going))
        return
    one = going.night.candidates[name]
    try:
        score.candidate(going, name, nightly_ask.answers(going, one.model, _heard(name)))
    except BadInput as fault:
        one.error = str(fault)
        _say(f"{name} is left out: {fault}")
    if one.failed:
        _say(f"{name} broke down at {one.failed} questions: they count as wrong")
    going.save()


@step
def compare(going: Going) -> None:
    """Against the champion and against last night."""
    if not any(one.answers for one in going.night.candidates.values()):
        causes = "; ".join(one.error for one in going.night.candidates.values())
        raise BadInput("nightly", f"no candidate could be evaluated: {causes}", "mend the first")
    score.verdicts(going)
    for one in going.night.candidates.values():
        for sentence in one.verdicts:
            _say(sentence)


@step
def gate(going: Going) -> None:
    """Put every challenger to the gate, the oldest first."""
    for name, one in going.night.candidates.items():
        if one.answers and name in going.lines:
            promote.judge(going, name)
            if one.decision:
                _say(one.decision)
    going.save()


@step
def tell(going: Going) -> None:
    """Send the alerts."""
    before = [one for one in record.every(going.root) if one.id != going.night.id]
    alerts.tell(going, alerts.about(going.night, before))
    for one in going.night.alerts:
        _say(f"alert ({one['about']}): {one['outcome']}")


@step
def finish(going: Going) -> None:
    """MLflow and the pages."""
    nightly_finish.close(going)


def _heard(name: str) -> Callable[[str], None]:
    logger, due = get_run_logger(), terminal.Throttle(SELDOM)

    def hear(text: str) -> None:
        passing = read_line(text) is not None
        terminal.say(f"[{name}] {text}", passing=passing)
        if not passing or due():
            logger.info("%s: %s", name, text)

    return hear


def _say(text: str) -> None:
    terminal.say(text)
    get_run_logger().info(text)
