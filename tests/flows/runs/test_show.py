"""The records as a person and a program read them."""

import json
import time
from pathlib import Path

import pytest

from flows.runs import record, show
from flows.runs.record import RunRecord, StageRecord, TrackedFile
from tests.flows.conftest import Toy
from touchline.errors import InputError

SCORES = {"value": 0.8125, "low": 0.7, "high": 0.9, "n": 40}


def past(id: str, state: record.RunState = "completed") -> RunRecord:
    """A run of one stage that measured something."""
    done = StageRecord(
        state="Ran",
        seconds=61.5,
        inputs=[TrackedFile(path="data/rows", md5="ab12.dir", size=7)],
        params={"judge": {"seed": 7}},
        products=[TrackedFile(path="data/report", md5="cd34.dir", size=9)],
        metrics={"candidates": {"base": {}, "rl": {"spotting": {"recall": SCORES, "f1": SCORES}}}},
    )
    return RunRecord(
        id=id,
        state=state,
        started="2026-01-01T10:00:00+00:00",
        ended="2026-01-01T10:02:05+00:00",
        command=["touchline", "retrain"],
        commit="c0ffee",
        stages={"judge": done},
    )


@pytest.fixture
def root(toy: Toy) -> Path:
    record.write_run_record(toy.root, past("20260101-100000-aaaa"))
    record.write_run_record(toy.root, past("20260102-100000-bbbb", "failed"))
    return toy.root


def test_ids_made_in_one_second_sort_by_the_time_they_were_made() -> None:
    made = []
    for _ in range(50):
        made.append(record.create_run_id())
        time.sleep(0.0001)
    assert made == sorted(made) and len(set(made)) == len(made)


def test_runs_are_listed_the_oldest_first_with_their_main_scores(root: Path) -> None:
    head, first, second = show.format_run_list(root, as_json=False).splitlines()
    assert head.split()[:4] == ["run", "state", "started", "took"]
    assert first.split()[:2] == ["20260101-100000-aaaa", "completed"]
    assert first.endswith("2:05  1/0/0                   rl: spotting f1 0.81")
    assert second.split()[1] == "failed"


def test_show_names_inputs_params_products_and_scores(root: Path) -> None:
    said = show.format_run(root, "20260101", as_json=False)
    for part in (
        "ab12.dir  data/rows",
        "judge.seed = 7",
        "cd34.dir  data/report",
        "code      c0ffee",
        "rl         spotting  f1      0.812  0.700  0.900  40",
    ):
        assert part in said


def test_programs_get_all_of_it(root: Path) -> None:
    (_, brief) = json.loads(show.format_run_list(root, as_json=True))
    assert brief["seconds"] == 125 and brief["stages"] == {"judge": "Ran"}
    whole = json.loads(show.format_run(root, "latest", as_json=True))
    assert whole["id"] == brief["id"]
    assert (
        whole["scores"]["rl"]["spotting"]["f1"] == brief["scores"]["rl"]["spotting"]["f1"] == SCORES
    )


def test_a_run_that_cannot_be_named_is_refused(root: Path) -> None:
    with pytest.raises(InputError, match="2 runs have this id; `touchline runs` lists them"):
        show.format_run(root, "2026", as_json=True)
    with pytest.raises(InputError, match="0 runs have this id"):
        show.format_run(root, "1999", as_json=True)


def test_a_record_outlives_its_file_in_git(toy: Toy) -> None:
    kept = past("20260101-100000-aaaa")
    (toy.root / "run.json").write_text(kept.model_dump_json())
    toy.git("add", "run.json")
    tree = toy.git("write-tree")
    toy.git("update-ref", f"refs/runs/{kept.id}", toy.git("commit-tree", tree, "-m", "Run"))
    assert record.list_runs(toy.root) == [kept]
