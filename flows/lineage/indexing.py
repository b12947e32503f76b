"""Bring manifests into the index: rows, their counts, their files, and the runs that hold them."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pyarrow as pa
from sqlalchemy import Connection, Engine, Table, delete, insert, select, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError

from flows.lineage import derive_rows
from flows.lineage.derive_rows import pc
from flows.lineage.manifest import KINDS, Product
from flows.lineage.schema import (
    MATCH,
    SOURCE,
    UNIT,
    files,
    films,
    meta,
    products,
    rows,
    runs,
    scopes,
    tallies,
    uses,
)
from flows.lineage.schema import uses as held

BATCH = 10_000  # rows per statement


def known(db: Connection) -> dict[Product, int]:
    """Every product that is indexed, and its number."""
    found = db.execute(
        select(products.c.path, products.c.md5, products.c.origin, products.c.number)
    )
    return {Product(path, md5, origin): number for path, md5, origin, number in found}


def add(engine: Engine, product: Product, table: pa.Table) -> int:
    """Index a product's rows, all or none; its number. One that is there already stays."""
    try:
        with engine.begin() as db:
            return _add(db, product, table)
    except IntegrityError:  # another process was faster
        with engine.connect() as db:
            return known(db)[product]


def use(engine: Engine, run: str, stages: Iterable[tuple[str, int]], whole: bool) -> None:
    """Write down which products a run holds, and whether that is all of them."""
    given = [{"run": run, "product": number, "stage": stage} for stage, number in stages]
    with engine.begin() as db:
        db.execute(delete(held).where(held.c.run == run))
        db.execute(delete(runs).where(runs.c.run == run))
        db.execute(insert(runs).values(run=run, whole=int(whole)))
        if given:
            db.execute(insert(held), list({one["product"]: one for one in given}.values()))


def _add(db: Connection, product: Product, table: pa.Table) -> int:
    place = {"path": product.path, "md5": product.md5, "origin": product.origin}
    made = db.execute(insert(products).values(**place, rows=table.num_rows))
    number = int(made.inserted_primary_key[0])  # type: ignore[index]
    table = table.filter(pc.not_equal(table["unit"], ""))  # the rest belongs to no single match
    places = _placed(db, table)
    above = dict(db.execute(select(scopes.c.number, scopes.c.above)).tuples().all())
    kinds = pc.index_in(table["kind"], value_set=pa.array(KINDS))
    lasting = table.append_column("scope", places).append_column("code", kinds)
    _write_rows(db, number, lasting)
    _write_tallies(db, number, lasting, above)
    if product.name in derive_rows.ONE_FILE_PER_VIDEO:
        _write(db, files, lasting, {"scope": "scope", "file": "name"}, product=number)
    shown = lasting.filter(pc.equal(table["kind"], "video"))
    _write(db, films, shown, {"scope": "scope", "parent": "path", "sha256": "sha256"})
    return number


def _write(
    db: Connection, into: Table, given: pa.Table, names: dict[str, str], **more: int
) -> None:
    """Some columns as rows of a small table; those that are there stay."""
    every = given.select(list(names)).rename_columns(list(names.values())).to_pylist()
    _fresh(db, into, [{**row, **more} for row in every])


def _fresh(db: Connection, into: Table, given: list[dict[str, Any]]) -> None:
    """Rows that are there already, or that another process is writing, stay as they are."""
    if given:
        words = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}[db.dialect.name]
        db.execute(words(into).on_conflict_do_nothing(), given)


def _placed(db: Connection, table: pa.Table) -> pa.Array:
    """The number of each row's scope; new scopes are made, the source's first."""
    pairs = table.group_by(["unit", "match"], use_threads=False).aggregate([])
    units, matches = pairs["unit"].to_pylist(), pairs["match"].to_pylist()
    sources = [match.split("/")[0] for match in matches]
    by_source = _numbers(db, SOURCE, dict.fromkeys(sources))
    over = {match: by_source[s] for match, s in zip(matches, sources, strict=True)}
    by_match = _numbers(db, MATCH, over)
    over = {unit: by_match[match] for unit, match in zip(units, matches, strict=True)}
    by_unit = _numbers(db, UNIT, over)
    names = pa.array(list(by_unit), pa.string())
    at = pc.index_in(table["unit"], value_set=names)
    return pa.array(list(by_unit.values()), pa.int64()).take(at.combine_chunks())


def _numbers(db: Connection, level: int, wanted: Mapping[str, int | None]) -> dict[str, int]:
    """Name -> number of the scopes of one level; those that are missing are made.

    In the order of their names: two processes that make the same ones never wait for each other.
    """
    ask = select(scopes.c.name, scopes.c.number).where(scopes.c.level == level)
    here = dict(db.execute(ask).tuples().all())
    new = [
        {"level": level, "name": name, "above": above}
        for name, above in sorted(wanted.items(), key=lambda one: one[0])
        if name not in here
    ]
    if new:
        _fresh(db, scopes, new)
        here = dict(db.execute(ask).tuples().all())
    return {name: here[name] for name in wanted}


def _write_rows(db: Connection, number: int, table: pa.Table) -> None:
    """In the order in which they lie in the table; the driver takes them as they are."""
    table = table.append_column("place", pa.array(range(table.num_rows), pa.int64()))
    table = table.sort_by([(name, "ascending") for name in ("scope", "code", "place")])
    mark = "?" if db.dialect.paramstyle == "qmark" else "%s"
    names = ("scope", "product", "kind", "place", "id", "parent")
    into = f"INSERT INTO rows ({', '.join(names)}) VALUES ({', '.join([mark] * len(names))})"
    for part in table.to_batches(max_chunksize=BATCH):
        columns = [part[name].to_pylist() for name in ("scope", "code", "place", "id", "parent")]
        scope, *rest = columns
        db.exec_driver_sql(into, list(zip(scope, [number] * len(scope), *rest, strict=True)))


def _write_tallies(db: Connection, number: int, table: pa.Table, above: dict[int, int]) -> None:
    counted = table.group_by(["scope", "code"], use_threads=False).aggregate([([], "count_all")])
    totals: dict[tuple[int, int], int] = {}
    for scope, code, count in zip(*_lists(counted, "scope", "code", "count_all"), strict=True):
        at: int | None = scope
        while at is not None:
            totals[at, code] = totals.get((at, code), 0) + count
            at = above.get(at)
    fresh = [
        {"scope": scope, "product": number, "kind": code, "rows": count}
        for (scope, code), count in totals.items()
    ]
    if fresh:
        db.execute(insert(tallies), fresh)


def _lists(table: pa.Table, *names: str) -> Sequence[list]:
    return [table[name].to_pylist() for name in names]


MANY = 500  # per statement


def forget(
    engine: Engine, md5: Sequence[str], units: Iterable[str], matches: Iterable[str]
) -> None:
    """Remove these products with all their rows, and the names of these videos and matches."""
    with engine.begin() as db:
        for at in range(0, len(md5), MANY):
            mine = products.c.md5.in_(md5[at : at + MANY])
            numbers = list(db.execute(select(products.c.number).where(mine)).scalars())
            for table in (rows, tallies, files, uses):
                db.execute(delete(table).where(table.c.product.in_(numbers)))
            db.execute(delete(products).where(products.c.number.in_(numbers)))
        for level, names in ((UNIT, units), (MATCH, matches)):
            for name in names:
                this = (scopes.c.level == level) & (scopes.c.name == name)
                which = select(scopes.c.number).where(this)
                for table in (films, tallies, rows, files):
                    db.execute(delete(table).where(table.c.scope.in_(which)))
                db.execute(delete(scopes).where(this))
    _compact(engine)


def _compact(engine: Engine) -> None:
    """Write the tables anew: a page that was freed keeps its bytes until somebody needs it."""
    names = ", ".join(meta.tables)
    anew = {
        "sqlite": ["VACUUM", "PRAGMA wal_checkpoint(TRUNCATE)"],
        "postgresql": [f"VACUUM (FULL, ANALYZE) {names}"],
    }
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as db:
        for words in anew[engine.dialect.name]:
            db.execute(text(words))
