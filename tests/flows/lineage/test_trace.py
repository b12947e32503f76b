"""From an answer back to the training rows: a leak is seen, an unknown id is one sentence."""

import json
import sqlite3

import pytest

from flows import cli
from flows.lineage import trace
from flows.runs import record
from tests.flows.lineage.conftest import World
from touchline.endpoint.reply_cache import CREATE_TABLE
from touchline.errors import InputError

RUN = "20261101-000000-aaaa"
ASKED = "world/b/1@0-60?0-spotting"
LEARNT = "world/a/1@0-60?0-spotting"


def test_an_answer_leads_to_its_question_clip_video_model_and_lessons(world: World) -> None:
    world.run(RUN)
    found = trace.trace_answer(world.root, f"rl:{ASKED}", "")
    assert found["run"] == RUN and found["answer"]["author"] == "rl"
    assert found["question"]["id"] == ASKED and found["clip"]["id"] == "world/b/1@0-60"
    assert found["video"]["path"] == "world/b/1.mkv" and found["model"]["path"] == "data/rl"
    assert found["training"]["learnt"] == 4  # two lessons, two rollouts
    assert found["training"]["match"]["rows"] == 0 and not found["leak"]
    assert f"teacher.scripted:{LEARNT}" in found["training"]["action"]["ids"]


def test_an_answer_about_a_match_that_was_learnt_from_is_a_leak(world: World) -> None:
    one = world.run(RUN)
    trained = world.run("20261102-000000-aaaa", ("world/b",))
    one.stages["validate"].products = [
        file.model_copy(update={"md5": _with_b(world)}) for file in one.stages["validate"].products
    ]
    record.write_run_record(world.root, one)
    found = trace.trace_answer(world.root, f"sft:{ASKED}", RUN)
    assert found["leak"] and found["training"]["match"]["rows"] == 1
    assert "A LEAK" in trace.format_trace_text(found)
    assert trained.id != one.id


def _with_b(world: World) -> str:
    """The digest of lessons that hold the test match."""
    from tests.flows.lineage import made
    from tests.flows.nightly import project
    from touchline.records.table import write_records
    from touchline.records.trajectory import Trajectory

    folder = world.root / ".touchline" / "leaky"
    asked = made._question(made._clip(made._video("world/b", "1")))
    write_records(
        folder / "trajectories.parquet", Trajectory, [made._attempt("teacher.scripted", asked)]
    )
    return project.keep(world.root, folder)


def test_the_teachers_calls_stand_behind_the_lessons(world: World) -> None:
    world.run(RUN)
    file = world.root / ".touchline" / "replies" / "teacher" / "requests.sqlite"
    file.parent.mkdir(parents=True)
    with sqlite3.connect(file) as db:
        db.executescript(CREATE_TABLE)
        into = "INSERT INTO requests VALUES (?, ?, '', '', 0, 1, '', '', 0, 0, 0, '', 0)"
        db.executemany(into, [("key1", LEARNT), ("key2", "of another")])
    found = trace.trace_answer(world.root, f"rl:{ASKED}", "")
    assert found["teacher"] == {LEARNT: ["key1"]}


def test_a_question_and_a_lesson_can_be_traced_too(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    world.run(RUN)
    assert trace.trace_answer(world.root, ASKED, "")["answer"]["id"] == f"rl:{ASKED}"
    lesson = trace.trace_answer(world.root, f"teacher.scripted:{LEARNT}", "")
    assert lesson["product"] == "data/accepted" and lesson["model"] == {}
    monkeypatch.chdir(world.root)
    with pytest.raises(SystemExit) as ended:
        cli.main(["trace", f"rl:{ASKED}", "--json"])
    assert ended.value.code == 0 and json.loads(capsys.readouterr().out)["question"]["id"] == ASKED


def test_an_unknown_answer_or_run_is_one_sentence(world: World) -> None:
    with pytest.raises(InputError, match="there is no run yet"):
        trace.trace_answer(world.root, "rl:x", "")
    world.run(RUN)
    with pytest.raises(
        InputError, match=rf"rl:{'world/b/1'}: no answer .* did you mean rl:world/b"
    ):
        trace.trace_answer(world.root, "rl:world/b/1", "")
    with pytest.raises(InputError, match="0 runs have this id"):
        trace.trace_answer(world.root, f"rl:{ASKED}", "nope")
