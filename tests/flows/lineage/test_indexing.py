"""The row index: what a match reaches is counted right, once per product, and asked by any name."""

import hashlib
from collections import Counter

import pytest
from sqlalchemy import func, select

from flows.lineage import manifest, queries, schema
from flows.lineage.extent import measure_extent
from flows.lineage.manifest import ProductVersion
from flows.lineage.run_index import load_readable_records
from flows.runs import record
from tests.flows.lineage.conftest import World
from touchline.errors import InputError

FIRST, SECOND = "20261101-000000-aaaa", "20261102-000000-aaaa"


def found(world: World, name: str, all_ids: bool = True):
    lineage = world.lineage
    notes = lineage.index_missing_runs()
    with lineage.engine.connect() as db:
        scope = queries.find_scope(db, name)
    one = measure_extent(lineage, scope, load_readable_records(world.root, []), all_ids)
    one.notes = notes
    return one


def test_every_kind_of_row_of_a_match_is_found_and_no_row_of_another(world: World) -> None:
    world.run(FIRST)
    one = found(world, "world/a")
    assert {held.kind: held.rows for held in one.row_kinds} == {
        "file": 3, "video": 2, "label": 2, "speech": 2, "frames": 2, "clip": 2, "caption": 2,
        "question": 2, "trajectory": 2, "lesson": 2, "rollout": 2, "page": 2,
    }  # fmt: skip
    every = [id for held in one.row_kinds for id in held.ids]
    assert not [id for id in every if "world/b" in id]
    assert [model.path for model in one.models] == ["data/base", "data/sft", "data/rl"]
    assert one.models[2].rows == {"lesson": 2, "rollout": 2}


def test_a_test_match_taught_no_model_but_was_answered_about(world: World) -> None:
    world.run(FIRST)
    one = found(world, "world/b")
    assert not one.models
    assert {held.kind: held.rows for held in one.row_kinds}["answer"] == 4
    gone = one.objects.gone.values()
    assert not {"data/sft", "data/rl", "data/accepted"} & set(gone)


def test_a_file_reaches_the_rows_of_its_half_alone(world: World) -> None:
    world.run(FIRST)
    one = found(world, "data/videos/world/a/2.mkv")
    assert one.scope.name == "world/a/2"
    assert all(
        "world/a/2" in id for held in one.row_kinds for id in held.ids if held.kind != "page"
    )
    assert found(world, "a2" * 32).scope == one.scope  # by its sha256


def test_a_source_reaches_all_its_matches(world: World) -> None:
    world.run(FIRST)
    counts = {held.kind: held.rows for held in found(world, "world").row_kinds}
    assert counts["clip"] == 4 and counts["file"] == 6


def test_an_unchanged_product_is_indexed_once_and_a_changed_one_anew(world: World) -> None:
    world.run(FIRST)
    assert found(world, "world/a").notes == []
    with world.lineage.engine.connect() as db:
        before = queries.count_indexed_rows(db)
    world.run(SECOND)
    one = found(world, "world/a")
    with world.lineage.engine.connect() as db:
        assert queries.count_indexed_rows(db) == before
    assert list(one.runs) == [FIRST, SECOND]
    world.run("20261103-000000-aaaa", salt="other")
    assert Counter(model.path for model in found(world, "world/a").models)["data/sft"] == 2


def test_objects_that_a_product_without_the_match_holds_too_are_spared(world: World) -> None:
    world.run(FIRST)
    terms = next((world.root / ".touchline").glob("made1/clips/terms.json")).read_bytes()
    gone = found(world, "world/a").objects.gone  # but `answers` is of world/b alone
    assert hashlib.md5(terms).hexdigest() not in gone
    clips = (world.root / ".touchline/made1/clips/clips.parquet").read_bytes()
    assert hashlib.md5(clips).hexdigest() in gone


def test_a_name_that_is_unknown_or_may_mean_several_is_one_sentence(world: World) -> None:
    with pytest.raises(InputError, match="no row of any run is indexed"):
        found(world, "world/a")
    world.run(FIRST)
    assert found(world, "a").scope.name == "world/a"
    with pytest.raises(InputError, match="1: may mean world/a/1, world/b/1; give the whole name"):
        found(world, "1")
    with pytest.raises(InputError, match=r"wrld/a: is not a match, .* did you mean world/a"):
        found(world, "wrld/a")


def test_a_run_whose_objects_were_collected_is_told_and_the_rest_is_found(world: World) -> None:
    world.run(FIRST)
    world.run(SECOND, ("world/a",), "s")
    clips = record.find_run(world.root, FIRST).stages["chunk"].products[1]
    assert clips.path == "data/clips"
    (world.root / ".dvc/cache/files/md5" / clips.md5[:2] / clips.md5[2:]).unlink()
    one = found(world, "world/a")
    assert [note for note in one.notes if f"data/clips of run {FIRST}: is not in DVC's" in note]
    assert next(held.rows for held in one.row_kinds if held.kind == "clip") == 2
    assert found(world, "world/a").notes  # it is told again, until it is fetched


def test_a_manifest_of_a_newer_version_is_one_sentence(world: World) -> None:
    run = world.run(FIRST)
    clips = run.stages["chunk"].products[1]
    product = ProductVersion(clips.path, clips.md5)
    rows = manifest.MANIFEST_SCHEMA.empty_table().replace_schema_metadata({"version": "9"})
    file = world.lineage.folder / "clips" / f"{product.key}.parquet"
    file.parent.mkdir(parents=True)
    manifest.pq.write_table(rows, file)
    one = found(world, "world/a")
    assert (
        len(one.notes) == 1 and "is a manifest of version 9, this Touchline knows 1" in one.notes[0]
    )
    assert any(held.kind == "question" for held in one.row_kinds)


def test_two_runs_that_claim_one_id_are_told_apart(world: World) -> None:
    run = world.run(FIRST)
    folder = record.get_runs_folder(world.root)
    (folder / f"{SECOND}.json").write_text(run.model_dump_json())
    (folder / "broken.json").write_text("{}")
    one = found(world, "world/a")
    said: list[str] = []
    load_readable_records(world.root, said)
    assert [s for s in said if s.startswith(f"run {FIRST}: two runs claim this id")]
    assert [s for s in said if "broken.json: is not a record of a run" in s]
    assert list(one.runs) == [FIRST]


def test_a_lost_index_is_made_anew_from_the_manifests(world: World) -> None:
    world.run(FIRST)
    before = found(world, "world/a")
    for file in world.lineage.folder.glob("rows.sqlite*"):
        file.unlink()
    for file in (world.root / ".dvc/cache/files/md5").rglob("*"):
        file.unlink() if file.is_file() else None
    after = found(world, "world/a")
    assert {h.kind: h.ids for h in after.row_kinds} == {h.kind: h.ids for h in before.row_kinds}


def test_an_index_of_a_newer_shape_or_an_unreachable_one_is_one_sentence(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    with world.lineage.engine.begin() as db:
        db.execute(schema.index_version.update().values(shape=7))
    with pytest.raises(InputError, match="its tables are of version 7"):
        found(world, "world/a")
    monkeypatch.setenv("TOUCHLINE_LINEAGE_URL", "sqlite:////proc/nowhere/rows.sqlite")
    with pytest.raises((InputError, OSError)):
        found(world, "world/a")


def test_rows_are_written_in_whole_products(world: World) -> None:
    world.run(FIRST)
    found(world, "world/a")
    with world.lineage.engine.connect() as db:
        indexed = db.execute(select(func.count()).select_from(schema.rows)).scalar_one()
        assert (
            indexed == queries.count_indexed_rows(db)["rows"] - 2
        )  # the file of all matches, and its page of health
