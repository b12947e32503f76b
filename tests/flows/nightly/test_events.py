"""OpenLineage events of nights: valid, in the chain of the runs, with digests of what was asked."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from flows.nightly import events as nightly_events
from flows.nightly import lineup, session
from flows.nightly.session import NightRequest
from flows.runs import record as runs
from flows.tracking import event_chain, openlineage
from tests.flows.audit.standard import check
from tests.flows.nightly.conftest import Nights
from tests.flows.nightly.project import environment
from touchline.errors import InputError


def told(root: Path) -> list[dict[str, Any]]:
    """Every event so far, each held to the standard."""
    found = event_chain.read_chain(openlineage.get_events_file(root))
    assert not found.faults
    for link in found.links:
        check(link.event)
    return [link.event for link in found.links]


def kinds(given: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [(one["eventType"], one["run"]["facets"]["touchline"]["stage"]) for one in given]


def versions(given: list[dict[str, Any]]) -> dict[str, str]:
    return {one["name"]: one["facets"]["version"]["datasetVersion"] for one in given}


def test_a_night_and_each_turn_begin_and_end_with_digests_of_what_was_asked_and_answered(
    nights: Nights,
) -> None:
    nights.train(0.8)
    model = nights.train(0.9)
    going = nights.night()
    given = told(nights.root)
    names = list(going.night.candidates)
    turns = [(kind, n) for n in ("floors", *names) for kind in ("START", "COMPLETE")]
    assert kinds(given) == [("START", ""), *turns, ("COMPLETE", "")]
    assert {one["job"]["name"] for one in given} == {"nightly", "nightly.ask"}

    last, end = given[-2], given[-1]
    made = [
        f for done in runs.find_run(nights.root, model.run).stages.values() for f in done.products
    ]
    asked = {f.path: f.md5 for f in made if f.path in ("data/questions", "data/clips")}
    assert asked.items() <= versions(last["inputs"]).items()
    assert versions(last["inputs"])["data/rl"] == model.md5
    (answers,) = last["outputs"]
    file = nights.root / ".touchline" / answers["name"]
    digest = hashlib.md5(file.read_bytes()).hexdigest()
    assert answers["facets"]["version"]["datasetVersion"] == digest
    assert answers["namespace"] == "touchline://project"
    assert answers["outputFacets"]["outputStatistics"]["rowCount"] > len(
        going.pinned_benchmark.bench.split_questions
    )
    assert last["run"]["facets"]["parent"]["run"]["runId"] == given[0]["run"]["runId"]
    assert last["run"]["facets"]["touchline_candidate"]["md5"] == model.md5

    found = end["run"]["facets"]["touchline_night"]
    assert found["benchmark"] == going.night.benchmark["digest"]
    assert found["championAfter"] == going.night.champion_after.md5
    rulings = [one["name"] for one in end["outputs"] if one["name"].startswith("gate/")]
    assert len(rulings) == len(names)
    assert end["job"]["facets"]["sourceCodeLocation"]["version"] == going.night.commit.split(",")[0]


def test_a_candidate_that_could_not_be_asked_fails_and_the_night_does_not(nights: Nights) -> None:
    nights.train(0.8)
    with session.open_night(nights.root, NightRequest()) as going:
        lineup.assemble_lineup(going)
        (name,) = going.night.candidates
        with nightly_events.emit_candidate_events(going, name):
            going.night.candidates[name].error = "its weights are gone; fetch them"
    given = told(nights.root)
    assert kinds(given) == [("START", ""), ("START", name), ("FAIL", name), ("COMPLETE", "")]
    assert (
        given[2]["run"]["facets"]["errorMessage"]["message"] == "its weights are gone; fetch them"
    )
    assert given[2]["outputs"] == []


def test_a_night_that_fails_says_why(nights: Nights) -> None:
    with (
        pytest.raises(InputError),
        session.open_night(nights.root, NightRequest("nosuch")) as going,
    ):
        lineup.assemble_lineup(going)
    start, end = told(nights.root)
    assert (start["eventType"], end["eventType"]) == ("START", "FAIL")
    assert start["run"]["runId"] == end["run"]["runId"]
    assert "nosuch" in end["run"]["facets"]["errorMessage"]["message"]


def test_what_a_killed_night_left_open_is_aborted_by_the_next(nights: Nights) -> None:
    nights.train(0.8)
    child = os.fork()
    if child == 0:
        with session.open_night(nights.root, NightRequest()) as going:
            lineup.assemble_lineup(going)
            with nightly_events.emit_candidate_events(going, next(iter(going.night.candidates))):
                os._exit(9)  # neither the turn nor the night says another word
    os.waitpid(child, 0)
    going = nights.night()
    given = told(nights.root)
    name = next(iter(going.night.candidates))
    begun, aborted = given[:2], given[2:4]
    assert kinds(begun) == [("START", ""), ("START", name)]
    assert kinds(aborted) == [("ABORT", name), ("ABORT", "")]
    assert aborted[0]["run"]["facets"]["parent"]["job"]["name"] == "nightly"
    assert [one["run"]["runId"] for one in aborted] == [one["run"]["runId"] for one in begun[::-1]]
    assert kinds(given)[4] == ("START", "") and kinds(given)[-1] == ("COMPLETE", "")
    assert len({one["run"]["runId"] for one in given if one["job"]["name"] == "nightly"}) == 2


def test_a_listener_that_cannot_be_reached_costs_a_night_nothing(
    nights: Nights, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("OPENLINEAGE_URL", "http://127.0.0.1:9")
    nights.train(0.8)
    assert nights.night().night.state == "completed"
    assert "6 lineage events wait for 127.0.0.1" in capsys.readouterr().out


def test_the_process_of_a_night_tells_its_events_without_dvc_and_torch() -> None:
    script = "import sys, flows.nightly.console; print(sorted({'dvc', 'torch'} & set(sys.modules)))"
    said = subprocess.run(
        [sys.executable, "-c", script], env=environment(), capture_output=True, text=True
    )
    assert said.stdout.strip() == "[]", said.stderr
