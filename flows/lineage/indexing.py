"""Write products into the row index, and delete products and names from it so that no deleted bytes
remain in the database.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pyarrow as pa
from sqlalchemy import Connection, Engine, Table, delete, insert, select, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError

from flows.lineage import derive_rows
from flows.lineage.derive_rows import pc
from flows.lineage.manifest import ROW_KINDS, ProductVersion
from flows.lineage.schema import (
    MATCH,
    SOURCE,
    UNIT,
    files,
    meta,
    product_uses,
    products,
    rows,
    runs,
    scopes,
    tallies,
    video_files,
)

INSERT_BATCH = 10_000  # rows per statement


def load_product_numbers(db: Connection) -> dict[ProductVersion, int]:
    """Number of every indexed product version."""
    indexed = db.execute(
        select(products.c.path, products.c.md5, products.c.origin, products.c.number)
    )
    return {ProductVersion(path, md5, origin): number for path, md5, origin, number in indexed}


def index_product_rows(engine: Engine, product: ProductVersion, table: pa.Table) -> int:
    """Index the rows of a product in one transaction and return the product's number. A product
    that another process has indexed already keeps its number.
    """
    try:
        with engine.begin() as db:
            return _insert_product(db, product, table)
    except IntegrityError:  # another process was faster
        with engine.connect() as db:
            return load_product_numbers(db)[product]


def record_run_products(
    engine: Engine, run: str, stages: Iterable[tuple[str, int]], whole: bool
) -> None:
    """Store which (stage, product number) pairs a run holds, replacing earlier entries. `whole` is
    False if some product of the run could not be read.
    """
    use_rows = [{"run": run, "product": number, "stage": stage} for stage, number in stages]
    with engine.begin() as db:
        db.execute(delete(product_uses).where(product_uses.c.run == run))
        db.execute(delete(runs).where(runs.c.run == run))
        db.execute(insert(runs).values(run=run, whole=int(whole)))
        if use_rows:
            db.execute(
                insert(product_uses),
                list({use_row["product"]: use_row for use_row in use_rows}.values()),
            )


def _insert_product(db: Connection, product: ProductVersion, table: pa.Table) -> int:
    identity = {"path": product.path, "md5": product.md5, "origin": product.origin}
    result = db.execute(insert(products).values(**identity, rows=table.num_rows))
    number = int(result.inserted_primary_key[0])  # type: ignore[index]
    table = table.filter(pc.not_equal(table["unit"], ""))  # the rest belongs to no single match
    scope_column = _scope_numbers(db, table)
    parent_numbers = dict(db.execute(select(scopes.c.number, scopes.c.above)).tuples().all())
    kinds = pc.index_in(table["kind"], value_set=pa.array(ROW_KINDS))
    indexed_rows = table.append_column("scope", scope_column).append_column("code", kinds)
    _write_rows(db, number, indexed_rows)
    _write_tallies(db, number, indexed_rows, parent_numbers)
    if product.name in derive_rows.ONE_FILE_PER_VIDEO:
        _insert_columns(db, files, indexed_rows, {"scope": "scope", "file": "name"}, product=number)
    video_rows = indexed_rows.filter(pc.equal(table["kind"], "video"))
    _insert_columns(
        db, video_files, video_rows, {"scope": "scope", "parent": "path", "sha256": "sha256"}
    )
    return number


def _insert_columns(
    db: Connection, into: Table, source: pa.Table, column_names: dict[str, str], **extra: int
) -> None:
    """Insert some columns of `source` into a small table, renamed by `column_names`; rows that
    exist already stay.
    """
    new_rows = (
        source.select(list(column_names)).rename_columns(list(column_names.values())).to_pylist()
    )
    _insert_missing(db, into, [{**row, **extra} for row in new_rows])


def _insert_missing(db: Connection, into: Table, new_rows: list[dict[str, Any]]) -> None:
    """Insert rows; those that exist already, or that another process is inserting, stay as they
    are.
    """
    if new_rows:
        dialect_insert = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}[db.dialect.name]
        db.execute(dialect_insert(into).on_conflict_do_nothing(), new_rows)


def _scope_numbers(db: Connection, table: pa.Table) -> pa.Array:
    """Scope number of each row, as an int64 array. Missing scopes are created: sources first, then
    matches, then units.
    """
    pairs = table.group_by(["unit", "match"], use_threads=False).aggregate([])
    units, matches = pairs["unit"].to_pylist(), pairs["match"].to_pylist()
    sources = [match.split("/")[0] for match in matches]
    by_source = _ensure_scopes(db, SOURCE, dict.fromkeys(sources))
    parents = {match: by_source[s] for match, s in zip(matches, sources, strict=True)}
    by_match = _ensure_scopes(db, MATCH, parents)
    parents = {unit: by_match[match] for unit, match in zip(units, matches, strict=True)}
    by_unit = _ensure_scopes(db, UNIT, parents)
    names = pa.array(list(by_unit), pa.string())
    indices = pc.index_in(table["unit"], value_set=names)
    return pa.array(list(by_unit.values()), pa.int64()).take(indices.combine_chunks())


def _ensure_scopes(db: Connection, level: int, parents: Mapping[str, int | None]) -> dict[str, int]:
    """Map names to scope numbers of one level, creating the missing ones. They are inserted sorted
    by name, so that two processes creating the same scopes cannot deadlock.
    """
    query = select(scopes.c.name, scopes.c.number).where(scopes.c.level == level)
    numbers = dict(db.execute(query).tuples().all())
    new = [
        {"level": level, "name": name, "above": parent}
        for name, parent in sorted(parents.items(), key=lambda item: item[0])
        if name not in numbers
    ]
    if new:
        _insert_missing(db, scopes, new)
        numbers = dict(db.execute(query).tuples().all())
    return {name: numbers[name] for name in parents}


def _write_rows(db: Connection, number: int, table: pa.Table) -> None:
    """Bulk insert in key order; `place` is the row's position in the manifest."""
    table = table.append_column("place", pa.array(range(table.num_rows), pa.int64()))
    table = table.sort_by([(name, "ascending") for name in ("scope", "code", "place")])
    placeholder = "?" if db.dialect.paramstyle == "qmark" else "%s"
    names = ("scope", "product", "kind", "place", "id", "parent")
    statement = (
        f"INSERT INTO rows ({', '.join(names)}) VALUES ({', '.join([placeholder] * len(names))})"
    )
    for part in table.to_batches(max_chunksize=INSERT_BATCH):
        columns = [part[name].to_pylist() for name in ("scope", "code", "place", "id", "parent")]
        scope, *other_columns = columns
        db.exec_driver_sql(
            statement, list(zip(scope, [number] * len(scope), *other_columns, strict=True))
        )


def _write_tallies(
    db: Connection, number: int, table: pa.Table, parent_numbers: dict[int, int]
) -> None:
    counted = table.group_by(["scope", "code"], use_threads=False).aggregate([([], "count_all")])
    totals: dict[tuple[int, int], int] = {}
    for scope, code, count in zip(
        *_column_lists(counted, "scope", "code", "count_all"), strict=True
    ):
        ancestor: int | None = scope
        while ancestor is not None:
            totals[ancestor, code] = totals.get((ancestor, code), 0) + count
            ancestor = parent_numbers.get(ancestor)
    new_rows = [
        {"scope": scope, "product": number, "kind": code, "rows": count}
        for (scope, code), count in totals.items()
    ]
    if new_rows:
        db.execute(insert(tallies), new_rows)


def _column_lists(table: pa.Table, *names: str) -> Sequence[list]:
    return [table[name].to_pylist() for name in names]


DELETE_BATCH = 500  # per statement


def forget_products(
    engine: Engine, md5: Sequence[str], units: Iterable[str], matches: Iterable[str]
) -> None:
    """Delete all product versions with these md5 digests and their rows, then the scopes of these
    units and matches, and compact the database.
    """
    with engine.begin() as db:
        for start in range(0, len(md5), DELETE_BATCH):
            has_digest = products.c.md5.in_(md5[start : start + DELETE_BATCH])
            numbers = list(db.execute(select(products.c.number).where(has_digest)).scalars())
            for table in (rows, tallies, files, product_uses):
                db.execute(delete(table).where(table.c.product.in_(numbers)))
            db.execute(delete(products).where(products.c.number.in_(numbers)))
        for level, names in ((UNIT, units), (MATCH, matches)):
            for name in names:
                is_named = (scopes.c.level == level) & (scopes.c.name == name)
                scope_numbers = select(scopes.c.number).where(is_named)
                for table in (video_files, tallies, rows, files):
                    db.execute(delete(table).where(table.c.scope.in_(scope_numbers)))
                db.execute(delete(scopes).where(is_named))
    _compact_row_index(engine)


def _compact_row_index(engine: Engine) -> None:
    """Rewrite the tables: a freed page keeps its old bytes until it is reused."""
    names = ", ".join(meta.tables)
    statements = {
        "sqlite": ["VACUUM", "PRAGMA wal_checkpoint(TRUNCATE)"],
        "postgresql": [f"VACUUM (FULL, ANALYZE) {names}"],
    }
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as db:
        for statement in statements[engine.dialect.name]:
            db.execute(text(statement))
