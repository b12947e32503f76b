"""The parameters that Prefect shows of a flow are those that the run or the night uses."""

import subprocess
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from flows.nightly import session as night_session
from flows.nightly.record import NightRecord
from flows.nightly.session import NightRequest, NightSession, enter_night, offer_night
from flows.retrain.run import RetrainRequest, RunSession, enter_run, offer_run
from flows.runs.locks import hold_lock
from flows.runs.record import RunRecord
from touchline.errors import InputError

STARTED = "2026-11-01T20:00:00+00:00"
OTHER_REQUESTS = [
    RetrainRequest(),
    RetrainRequest(preset="smoke", sets=("sft.lr=1",), force=True),
    RetrainRequest(preset="smoke", sets=("sft.lr=2",)),
    RetrainRequest(preset="smoke", sets=("sft.lr=1",), stage="sft"),
]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    (tmp_path / ".touchline").mkdir()
    return tmp_path


def prepared_run(root: Path, lock: int) -> RunSession:
    request = RetrainRequest("smoke", ("sft.lr=1",), command=("touchline", "retrain"))
    record = RunRecord(id="a", started=STARTED, command=[], commit="0")
    return RunSession(root, request, record, [], lock)


def test_a_flow_with_the_parameters_of_the_console_takes_its_session(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flows.retrain.run.signal.signal", lambda *_: None)
    with hold_lock(checkout) as lock:
        session = prepared_run(checkout, lock)
        with (
            offer_run(session),
            enter_run(checkout, RetrainRequest("smoke", ("sft.lr=1",))) as taken,
        ):
            assert taken is session


@pytest.mark.parametrize("request_of_flow", OTHER_REQUESTS)
def test_a_flow_with_other_parameters_never_takes_it(
    checkout: Path, request_of_flow: RetrainRequest
) -> None:
    with hold_lock(checkout) as lock, offer_run(prepared_run(checkout, lock)):
        refuses_while_busy(enter_run(checkout, request_of_flow))


def test_a_flow_without_an_offered_session_opens_its_own(checkout: Path) -> None:
    with hold_lock(checkout) as lock:
        with offer_run(prepared_run(checkout, lock)):
            pass
        refuses_while_busy(enter_run(checkout, RetrainRequest("smoke", ("sft.lr=1",))))


def test_a_night_takes_the_session_of_its_own_parameters_alone(checkout: Path) -> None:
    request = NightRequest("20261101", ("20261102",))
    with hold_lock(checkout, "night") as lock:
        session = NightSession(checkout, request, NightRecord(id="n", started=STARTED), lock)
        with offer_night(session):
            with enter_night(checkout, NightRequest("20261101", ("20261102",))) as taken:
                assert taken is session
            for other in (NightRequest(), NightRequest("20261101"), NightRequest("20261103")):
                refuses_while_busy(enter_night(checkout, other))
        refuses_while_busy(night_session.enter_night(checkout, request))


def refuses_while_busy(session: AbstractContextManager[object]) -> None:
    """It opens a session of its own, which the held lock refuses."""
    with pytest.raises(InputError, match="is going on"), session:
        pass
