"""The row index on a real PostgreSQL answers as the one on SQLite, and forgets as thoroughly."""

import json
import threading
import zlib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from sqlalchemy import text
from sqlalchemy.engine import make_url

from flows import cli
from flows.lineage import indexing, manifest, queries, schema
from flows.lineage.indexing import forget_products
from flows.lineage.manifest import MANIFEST_SCHEMA, ProductVersion
from flows.lineage.run_index import RowIndex
from flows.services.prefect_server import find_free_port
from tests.flows.lineage.conftest import World
from tests.postgres import Postgres, postgres
from touchline.errors import InputError

FIRST, SECOND = "20261101-000000-aaaa", "20261102-000000-aaaa"
NAMES = ("world/a", "world/b", "world", "data/videos/world/a/2.mkv")
ANSWERS = ("rl:world/b/1@0-60?0-spotting", "world/a/2@0-60?0-spotting")


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    with postgres() as running:
        yield running


@pytest.fixture
def database(server: Postgres, request: pytest.FixtureRequest) -> str:
    """The address of an empty database."""
    name = f"t{zlib.crc32(request.node.name.encode())}"
    server.make(name)
    return server.url(name)


def typed(capsys: pytest.CaptureFixture[str], *words: str) -> Any:
    with pytest.raises(SystemExit) as ended:
        cli.main([*words, "--json"])
    assert ended.value.code == 0
    return json.loads(capsys.readouterr().out)


def everything(capsys: pytest.CaptureFixture[str]) -> list[Any]:
    asked = [typed(capsys, "impact", name) for name in NAMES]
    return [*asked, *(typed(capsys, "trace", answer) for answer in ANSWERS)]


def test_impact_and_trace_answer_the_same_as_on_sqlite(
    world: World,
    database: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    world.run(FIRST)
    world.run(SECOND, ("world/a",), "salt")
    monkeypatch.chdir(world.root)
    here = everything(capsys)
    assert here[0]["rows"]["clip"]["versions"] == 2 and here[0]["models"] and here[0]["plan"]
    monkeypatch.setenv(schema.INDEX_URL_VARIABLE, database)
    assert everything(capsys) == here
    with RowIndex(world.root).engine.connect() as db:
        assert db.dialect.name == "postgresql" and queries.count_indexed_rows(db)["matches"] == 2


def test_names_come_in_the_order_of_their_bytes_whatever_the_database_thinks_of_language(
    database: str,
) -> None:
    engine = schema.open_lineage_database(database)
    names = ["w/B", "w/a", "w/_", "w/a b", "w/ab", "w/é", "w/Z"]
    indexing.index_product_rows(engine, ProductVersion("data/clips", "1"), rows(names))
    with engine.connect() as db:
        assert db.execute(text("SELECT 'a' < 'B'")).scalar()  # as people sort
        found = [unit.name for unit in queries.list_scope_units(db, queries.find_scope(db, "w"))]
    assert found == sorted(f"{name}/1" for name in names)


def rows(matches: list[str]) -> pa.Table:
    """A clip of one video of each match."""
    told = {name: [""] * len(matches) for name in MANIFEST_SCHEMA.names}
    told |= {"kind": ["clip"] * len(matches), "match": matches}
    told["unit"] = [f"{match}/1" for match in matches]
    told["id"] = [f"{match}/1@0-60" for match in matches]
    return pa.table(told, MANIFEST_SCHEMA)


def test_two_machines_that_meet_the_same_new_matches_both_get_on(database: str) -> None:
    engine = schema.open_lineage_database(database)
    first, second = ProductVersion("data/clips", "1"), ProductVersion("data/captions", "2")
    ended = threading.Event()

    def other() -> None:
        indexing.index_product_rows(
            schema.open_lineage_database(database), second, rows(["w/b", "w/c", "w/a"])
        )
        ended.set()

    with engine.begin() as db:  # not yet committed: the other one has to wait for it
        indexing._insert_product(db, first, rows(["w/a", "w/b"]))
        thread = threading.Thread(target=other)
        thread.start()
        assert not ended.wait(1)
    thread.join(30)
    assert ended.is_set()
    with engine.connect() as db:
        assert set(indexing.load_product_numbers(db)) == {first, second}
        assert queries.count_indexed_rows(db) == {"rows": 5, "products": 2, "matches": 3}
        counted = {
            share.product.name: share.rows
            for share in queries.list_product_row_counts(db, queries.find_scope(db, "w/a"))
        }
    assert counted == {"clips": 1, "captions": 1}


def test_a_product_that_two_machines_index_at_once_is_indexed_once(database: str) -> None:
    product, numbers = ProductVersion("data/clips", "1"), list[int]()
    engines = [schema.open_lineage_database(database) for _ in range(4)]
    many = rows([f"w/{number}" for number in range(300)])
    jobs = [
        threading.Thread(
            target=lambda e=e: numbers.append(indexing.index_product_rows(e, product, many))
        )
        for e in engines
    ]
    for job in jobs:
        job.start()
    for job in jobs:
        job.join(60)
    assert len(numbers) == 4 and len(set(numbers)) == 1
    with engines[0].connect() as db:
        assert queries.count_indexed_rows(db)["rows"] == 300


def test_machines_that_come_upon_an_empty_database_together_make_its_tables_once(
    database: str,
) -> None:
    faults = list[BaseException]()

    def open_it() -> None:
        try:
            schema.open_lineage_database(database).dispose()
        except InputError as fault:
            faults.append(fault)

    jobs = [threading.Thread(target=open_it) for _ in range(6)]
    for job in jobs:
        job.start()
    for job in jobs:
        job.join(60)
    assert faults == []


def test_what_is_forgotten_is_in_no_table_and_in_no_file_of_a_table(
    server: Postgres, database: str
) -> None:
    engine = schema.open_lineage_database(database)
    indexing.index_product_rows(
        engine, ProductVersion("data/clips", "ab" * 16), rows(["w/secretive", "w/other"])
    )
    indexing.index_product_rows(engine, ProductVersion("data/clips", "cd" * 16), rows(["w/other"]))
    assert held(server, engine, b"w/secretive") and held(server, engine, b"w/other")
    forget_products(engine, ["ab" * 16], ["w/secretive/1"], ["w/secretive"])
    assert not held(server, engine, b"w/secretive") and held(server, engine, b"w/other")
    with engine.connect() as db:
        assert [
            share.rows
            for share in queries.list_product_row_counts(db, queries.find_scope(db, "w/other"))
        ] == [1]


def held(server: Postgres, engine: schema.Engine, words: bytes) -> list[Path]:
    """Files of our tables and their indexes that hold these bytes."""
    asked = text(
        "SELECT pg_relation_filepath(oid) FROM pg_class"
        " WHERE relkind IN ('r', 'i', 't') AND oid >= 16384"
    )
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as db:
        db.execute(text("CHECKPOINT"))
        files = [server.folder / name for name in db.execute(asked).scalars()]
    assert len(files) > 8
    return [file for file in files if words in file.read_bytes()]


@pytest.mark.parametrize("wrong", ["password", "database", "port"])
def test_a_database_that_does_not_open_is_one_sentence_without_the_password(
    server: Postgres, world: World, monkeypatch: pytest.MonkeyPatch, wrong: str
) -> None:
    address = {
        "password": server.url("postgres").replace("topsecret", "guessed"),
        "database": server.url("nosuch"),
        "port": str(make_url(server.url("postgres")).set(port=find_free_port())).replace(
            "***", "guessed"
        ),
    }[wrong]
    monkeypatch.setenv(schema.INDEX_URL_VARIABLE, address)
    with pytest.raises(
        InputError, match=f"^{schema.INDEX_URL_VARIABLE}: cannot be opened"
    ) as fault:
        world.lineage.index_missing_runs()
    assert "guessed" not in str(fault.value) and "topsecret" not in str(fault.value)


def test_an_index_of_a_newer_touchline_is_one_sentence(database: str) -> None:
    with schema.open_lineage_database(database).begin() as db:
        db.execute(schema.index_version.update().values(shape=9))
    with pytest.raises(InputError, match="its tables are of version 9, this Touchline knows 1"):
        schema.open_lineage_database(database)


def test_a_lost_database_is_filled_anew_from_the_manifests(
    world: World, server: Postgres, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.run(FIRST)
    monkeypatch.setenv(schema.INDEX_URL_VARIABLE, database)
    lineage = world.lineage
    assert lineage.index_missing_runs() == []
    before = size(lineage)
    with lineage.engine.begin() as db:
        schema.meta.drop_all(db)
    for file in (world.root / ".dvc/cache/files/md5").rglob("*"):
        with suppress(IsADirectoryError):
            file.unlink()
    again = RowIndex(world.root)
    assert again.index_missing_runs() == [] and size(again) == before
    assert list((lineage.folder / "clips").glob("*.parquet")) and manifest.MANIFEST_VERSION == 1


def size(lineage: RowIndex) -> dict[str, int]:
    with lineage.engine.connect() as db:
        return queries.count_indexed_rows(db)
