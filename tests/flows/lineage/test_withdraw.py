"""A match is removed: nothing of it is left, all of the rest is, and it may be done in two goes."""

import hashlib
import sqlite3
from pathlib import Path

import pytest

from flows import cli
from flows.lineage import withdraw
from flows.lineage.byte_search import (
    SearchTerms,
    redact_needles,
    search_bytes_for_traces,
    search_file_for_traces,
)
from flows.runs import record, worktree
from flows.runs.dvc_project import read_cache_dir
from flows.tracking import event_chain, openlineage
from tests.flows.lineage import made
from tests.flows.lineage.conftest import World
from touchline import tombstones
from touchline.endpoint.reply_cache import CREATE_TABLE
from touchline.evaluation import answer_cache
from touchline.records.table import write_records
from touchline.records.trajectory import Trajectory
from touchline.tombstones import Tombstone

RUN = "20261101-000000-aaaa"


@pytest.fixture
def apart(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """A run, its products below data/, and a little of the match in every store."""
    world.run(RUN)
    made.products(world.root / "data")
    for folder in sorted((world.root / ".touchline").glob("made*")):
        withdraw.other_stores.delete_paths([folder])
    _stores(world.root / ".touchline")
    monkeypatch.chdir(world.root)
    return world


def _stores(state: Path) -> None:
    with answer_cache.open_answer_cache(
        state / "checkpoints" / answer_cache.ANSWER_CACHE_FILE
    ) as store:
        store.put_answers({"k1": "on a", "k2": "on b"}, {"k1": "world/a", "k2": "world/b"})
        store.put_answers({"k3": "of old"})
    (state / "replies" / "teacher").mkdir(parents=True)
    with sqlite3.connect(state / "replies/teacher/requests.sqlite") as db:
        db.executescript(CREATE_TABLE)
        into = (
            'INSERT INTO requests (key, tag, what, how, "limit", sent) VALUES (?, ?, "", "", 0, 1)'
        )
        db.executemany(into, [(m, f"world/{m}/1@0-60?0-spotting") for m in "ab"])
    (state / "checkpoints" / "sft" / "by-hand-1").mkdir(parents=True)
    asked = made._question(made._clip(made._video("world/a", "1")))
    write_records(state / "nights/answers/n.parquet", Trajectory, [made._attempt("rl", asked)])
    (state / "runs" / f"{RUN}.log").write_text("[chunk] world/a/1: odd\n[chunk] world/ab/1: fine\n")


def applied(what: str) -> int:
    with pytest.raises(SystemExit) as ended:
        cli.main(["impact", what, "--apply", "--yes"])
    return int(ended.value.code or 0)


def everything(root: Path) -> bytes:
    every = [p for place in ("data", ".touchline", ".dvc") for p in (root / place).rglob("*")]
    return b"\n".join(p.read_bytes() for p in every if p.is_file() and p.name != "removal.json")


def test_a_match_is_removed_whole_and_nothing_else(apart: World, capsys) -> None:
    before = apart.lineage
    assert before.index_missing_runs() == []
    assert applied("world/a") == 0
    said = capsys.readouterr().out
    assert "no byte is left" in said and "LEFT" not in said
    left = everything(apart.root)
    for trace in (b"the bytes of world/a/1", b"they say of world/a", b"of world/a", b'"world/a"'):
        assert trace not in left
    assert b"the bytes of world/b/1 in videos" in left
    answers = apart.root / ".touchline" / "checkpoints" / answer_cache.ANSWER_CACHE_FILE
    with sqlite3.connect(answers) as db:
        assert db.execute("SELECT key FROM said").fetchall() == [("k2",)]
    with sqlite3.connect(apart.root / ".touchline/replies/teacher/requests.sqlite") as db:
        assert db.execute("SELECT key FROM requests").fetchall() == [("b",)]
    log = (apart.root / ".touchline" / "runs" / f"{RUN}.log").read_text()
    assert log == "[chunk] (withdrawn): odd\n[chunk] world/ab/1: fine\n"


def test_runs_are_marked_the_tombstone_is_committed_and_the_match_is_known_no_more(
    apart: World, capsys
) -> None:
    applied("world/a")
    (stone,) = tombstones.read_tombstones(apart.root / tombstones.TOMBSTONES_FILE)
    assert (stone.kind, stone.name) == ("match", "world/a") and len(stone.files) == 2
    assert "tombstones.yaml" not in worktree.list_uncommitted_changes(apart.root)
    one = record.find_run(apart.root, RUN)
    assert "data/clips" in one.withdrawn_paths and one.state == "completed"
    assert apart.lineage.index_missing_runs() == []
    capsys.readouterr()
    with pytest.raises(SystemExit) as ended:
        cli.main(["impact", "world/a"])
    assert ended.value.code == 0 and "world/a: withdrawn on" in capsys.readouterr().out
    assert applied("world/a") == 0  # once more: the proof alone


def test_the_chain_of_events_loses_the_name_says_so_and_still_holds(apart: World) -> None:
    file = openlineage.get_events_file(apart.root)
    errors = ({}, {"errorMessage": openlineage.build_error_facet("world/a/1: odd")}, {})
    told = [
        openlineage.build_run_event(
            apart.root, "FAIL", openlineage.make_openlineage_run_id(f"{n}"), "retrain", facets, {}
        )
        for n, facets in enumerate(errors)
    ]
    openlineage.append_events(apart.root, told)
    assert b"world/a/1" in file.read_bytes()
    assert applied("world/a") == 0
    found = event_chain.read_chain(file)
    assert b"world/a" not in file.read_bytes() and not found.faults
    assert found.notes == ["line 2: words of it were withdrawn"]
    (stone,) = tombstones.read_tombstones(apart.root / tombstones.TOMBSTONES_FILE)
    said = found.links[-1].event["run"]["facets"][event_chain.REDACTION_FACET]
    assert said["tombstone"] == stone.id and list(said["lines"]) == ["2"]


def test_an_audit_that_quotes_the_match_goes_whole_and_others_stay(apart: World) -> None:
    audits = apart.root / ".touchline" / "audit"
    for name, text in (("one", "of world/a"), ("two", "of world/b")):
        (audits / name / "measured").mkdir(parents=True)
        (audits / name / "measured" / "counts.json").write_text(text)
        (audits / name / "manifest.json").write_text("{}")
    assert applied("world/a") == 0
    assert sorted(path.name for path in audits.iterdir()) == ["two"]


def test_an_interrupted_removal_is_finished_by_asking_again(
    apart: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(withdraw, "_mark_records", killed)
        with pytest.raises(SystemExit) as ended:
            cli.main(["impact", "world/a", "--apply", "--yes"])
        assert ended.value.code == 130
    assert (apart.root / ".touchline" / "removal.json").is_file()
    with pytest.raises(SystemExit) as ended:
        cli.main(["impact", "world/b", "--apply", "--yes"])
    assert ended.value.code == 2
    assert applied("world/a") == 0
    assert not (apart.root / ".touchline" / "removal.json").exists()
    assert b"the bytes of world/a/1" not in everything(apart.root)


def test_nothing_is_removed_without_being_confirmed(apart: World, capsys) -> None:
    before = hashlib.sha256(everything(apart.root / "data")).hexdigest()
    with pytest.raises(SystemExit) as ended:
        cli.main(["impact", "world/a", "--apply"])
    assert ended.value.code == 2 and "is not confirmed; add --yes" in capsys.readouterr().err
    assert hashlib.sha256(everything(apart.root / "data")).hexdigest() == before
    assert tombstones.read_tombstones(apart.root / tombstones.TOMBSTONES_FILE) == []


def test_an_object_that_no_run_names_is_found_by_its_bytes(apart: World, capsys) -> None:
    video = made.products(apart.root / ".touchline" / "x")["videos"] / "world/a/1.mkv"
    stray = read_cache_dir(apart.root) / "files" / "md5" / "ab" / "cdef"
    stray.parent.mkdir(exist_ok=True)
    stray.write_bytes(b"head" + video.read_bytes())
    assert applied("world/a") == 0
    assert not stray.exists() and "found and removed" in capsys.readouterr().out


def test_a_name_is_not_found_in_a_longer_one(tmp_path: Path) -> None:
    sought = SearchTerms(names=["w/a/1"], files=[], blocks=[], lines=[], frames=[])
    needles = sought.needles()
    assert not search_bytes_for_traces(b"w/a/10 and w/a/1-b", needles)
    assert search_bytes_for_traces(b"w/a/10 and w/a/1@0-60", needles)
    assert redact_needles(b"w/a/10 w/a/1", needles, b"x") == b"w/a/10 x"
    with sqlite3.connect(tmp_path / "t.sqlite") as db:
        db.execute("CREATE TABLE t (a TEXT, b TEXT)")
        db.execute("INSERT INTO t VALUES ('w/a/1', 'next')")
    assert search_file_for_traces(tmp_path / "t.sqlite", sought, needles) == {"its name"}


def test_a_withdrawn_video_is_removed_from_a_download_under_any_name(tmp_path: Path) -> None:
    folders = made.products(tmp_path)
    own = folders["videos"] / "world"
    (own / "other").mkdir()
    (own / "other" / "copy.mkv").write_bytes((own / "a" / "2.mkv").read_bytes())
    data = (own / "a" / "2.mkv").read_bytes()
    files = {hashlib.sha256(data).hexdigest(): len(data)}
    stone = Tombstone(kind="match", name="world/a", since="2026-11-28", files=files)
    videos = [made._video(m, p) for m in made.MATCHES for p in "12"]
    found = [made.found(video) for video in videos]
    assert tombstones.remove_withdrawn_videos(own, found, [stone]) == 3
    assert sorted(p.name for p in own.rglob("*") if p.is_file()) == [
        "1.mkv",
        "2.mkv",
        "classes.json",
        "labels.json",
    ]


def test_a_faulty_list_of_tombstones_is_one_sentence(tmp_path: Path) -> None:
    file = tmp_path / "tombstones.yaml"
    file.write_text("withdrawn:\n  - {kind: cow}\n")
    with pytest.raises(ValueError, match="is not a list of tombstones"):
        tombstones.read_tombstones(file)
    assert tombstones.read_tombstones(tmp_path / "none") == []
