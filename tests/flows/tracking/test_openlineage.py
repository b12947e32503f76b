"""OpenLineage events of a run on the toy project: valid, bound, with DVC's digests."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from flows.retrain import run
from flows.retrain.run import RetrainRequest, RunSession
from flows.runs import dvc_project, worktree
from flows.runs.record import TrackedFile
from flows.tracking import event_chain, facets, openlineage
from tests.flows.audit.standard import check
from tests.flows.conftest import Toy
from touchline.ledger import RowLedger


def told(root: Path) -> list[event_chain.Event]:
    """Every event so far, each held to the standard."""
    found = event_chain.read_chain(openlineage.get_events_file(root))
    assert not found.faults
    for link in found.links:
        check(link.event)
    return [link.event for link in found.links]


def walked(toy: Toy, going: RunSession, state: str = "completed") -> None:
    """What the flow does, without Prefect: all three stages as dvc.lock has them."""
    telling = openlineage.RunEvents(going.root, going.record, going.folder)
    telling.run_began()
    for step in going.steps:
        telling.stage_began(step)
        done = dvc_project.describe_stage(going.folder, step.name, "Ran")
        done.seconds, done.cpu_seconds = 2.5, 1.5
        going.record.stages[step.name] = done
        telling.stage_ended(step, done)
    going.record.state = state
    telling.run_ended()


def test_a_run_and_its_stages_begin_and_end_with_digests_of_what_they_read_and_made(
    made: Toy,
) -> None:
    with run.open_run(made.root, RetrainRequest()) as going:
        walked(made, going)
    given = told(made.root)
    kinds = [(one["eventType"], one["job"]["name"]) for one in given]
    assert kinds[:3] == [
        ("START", "retrain"),
        ("START", "retrain.make"),
        ("COMPLETE", "retrain.make"),
    ]
    assert kinds[-1] == ("COMPLETE", "retrain") and len(kinds) == 8
    end = next(one for one in given if one["job"]["name"] == "retrain.train" and one["outputs"])
    (rows,) = end["inputs"]
    products = {file.path: file for file in going.record.stages["make"].products}
    assert rows["name"] == "data/rows" and rows["namespace"] == "dvc://toy"
    assert rows["facets"]["version"]["datasetVersion"] == products["data/rows"].md5
    assert rows["inputFacets"]["inputStatistics"]["fileCount"] == 3
    assert {one["name"] for one in end["outputs"]} == {"data/model", "data/metrics/train.json"}
    assert end["run"]["facets"]["parent"]["run"]["runId"] == given[0]["run"]["runId"]
    assert end["run"]["facets"]["touchline"]["cpuSeconds"] == 1.5
    code = end["job"]["facets"]["sourceCodeLocation"]
    assert code["version"] == made.git("rev-parse", "HEAD") and code["url"].startswith("urn:git:")
    keys = {one["key"] for one in end["run"]["facets"]["executionParameters"]["parameters"]}
    assert keys == {"train.steps", "train.seconds", "train.lr"}


def test_a_failed_stage_says_why_and_claims_no_product(made: Toy) -> None:
    with run.open_run(made.root, RetrainRequest()) as going:
        telling = openlineage.RunEvents(going.root, going.record, going.folder)
        telling.run_began()
        step = going.steps[1]
        telling.stage_began(step)
        done = dvc_project.describe_stage(going.folder, step.name, "Failed")
        done.error = "train.lr: 2.0 is above 1; give less"
        telling.stage_ended(step, done)
        going.record.state, going.record.error = "failed", f"train: {done.error}"
        telling.run_ended()
    *_, stage, whole = told(made.root)
    assert stage["eventType"] == whole["eventType"] == "FAIL"
    assert stage["run"]["facets"]["errorMessage"]["message"] == done.error
    assert stage["outputs"] == []


def test_what_a_killed_run_left_open_is_aborted_once(made: Toy) -> None:
    with run.open_run(made.root, RetrainRequest()) as going:
        telling = openlineage.RunEvents(going.root, going.record, going.folder)
        telling.run_began()
        telling.stage_began(going.steps[0])
        going.record.state, going.record.error = "killed", "killed"
    for _ in range(2):
        openlineage.abort_open_events(made.root, going.record.id, going.record.error)
    given = told(made.root)
    assert [one["eventType"] for one in given] == ["START", "START", "ABORT", "ABORT"]
    assert [one["job"]["name"] for one in given[2:]] == ["retrain.make", "retrain"]
    assert given[3]["run"]["facets"]["errorMessage"]["message"] == "killed"


def test_a_listener_that_cannot_be_reached_fails_nothing(
    made: Toy, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("OPENLINEAGE_URL", "http://127.0.0.1:9")
    with run.open_run(made.root, RetrainRequest()) as going:
        walked(made, going)
    assert "8 lineage events wait for 127.0.0.1" in capsys.readouterr().out
    assert len(told(made.root)) == 8


def test_tables_tell_their_columns_and_a_ledger_its_counts_but_not_its_reasons(
    tmp_path: Path,
) -> None:
    place = tmp_path / "rows"
    ledger = RowLedger(["a", "b", "c"])
    ledger.keep("a")
    ledger.split("b", "in two")
    ledger.drop("c", "someone's words")
    place.mkdir()
    pq.write_table(
        pa.table({"id": ["a", "b1", "b2"], "end": [1.0, 2.0, 3.0]}), place / "clips.parquet"
    )
    ledger.close(place / facets.LEDGER_FILE)
    file = TrackedFile(path="data/rows", md5="ab.dir", size=7, terms="nda")
    made = facets.build_output_dataset(tmp_path, file, place, "made by cut")
    columns = made.facets["schema"].fields
    assert [(one.name, one.type) for one in columns] == [("id", "string"), ("end", "double")]
    fates = made.outputFacets["touchline_ledger"]
    assert (fates.rows, fates.kept, fates.split, fates.dropped) == (3, 1, 1, 1)
    assert made.outputFacets["outputStatistics"].rowCount == 3
    assert made.facets["tags"].tags[0].value == "nda"
    assert "words" not in str(made)


def test_an_address_of_the_code_never_holds_a_password(toy: Toy) -> None:
    toy.git("remote", "add", "origin", "https://me:s3cret@example.org/our/code.git")
    commit = worktree.run_git(toy.root, "rev-parse", "HEAD").strip()
    where = openlineage.build_code_location(toy.root, commit)
    assert where.url == f"https://example.org/our/code.git/tree/{commit}"
    assert "s3cret" not in str(where)
