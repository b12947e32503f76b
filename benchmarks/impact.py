"""Measure what `touchline impact` asks of an index of ten million manifest rows.

`python -m benchmarks.impact [--rows N] [--file FILE]` makes the index in SQLite (a second call with
the same file finds it made) and prints CPU milliseconds.
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import pyarrow as pa
from sqlalchemy import Connection, Engine

from flows.lineage import indexing, queries, schema
from flows.lineage.manifest import MANIFEST_SCHEMA, ProductVersion

MATCHES = 1000  # of one source, two videos each
ROUNDS = 11
KINDS = {"clips": "clip", "captions": "caption", "questions": "question", "answers": "answer"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--file", type=Path)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as aside:
        file = args.file or Path(aside) / "rows.sqlite"
        engine = schema.open_lineage_database(f"sqlite:///{file}")
        spent = made(engine, args.rows)
        with engine.connect() as db:
            held = queries.count_indexed_rows(db)
            told = measured(db)
        size = sum(p.stat().st_size for p in file.parent.glob(f"{file.name}*")) / 2**20
    many = f"{held['rows']:,} rows of {held['products']} product versions"
    print(f"{many}, {held['matches']:,} matches; {size:,.0f} MiB of SQLite")
    print(f"made in {spent:.0f} CPU s, {spent / held['rows'] * 1e6:.1f} µs a row\n")
    print("| asked | CPU ms, median | longest | rows told of |")
    print("|---|---|---|---|")
    for name, (times, rows) in told.items():
        print(f"| {name} | {median(times):.2f} | {max(times):.2f} | {rows:,} |")


def made(engine: Engine, wanted: int) -> float:
    """CPU seconds of bringing in the product versions that are missing."""
    began, each = time.process_time(), wanted // 100
    with engine.connect() as db:
        done = queries.count_indexed_rows(db)["products"]
    for number in range(done, 100):
        name = list(KINDS)[number % len(KINDS)]
        product = ProductVersion(f"data/{name}", f"{number:032x}.dir")
        at = indexing.index_product_rows(engine, product, rows(name, number, each))
        indexing.record_run_products(
            engine, f"run-{number // len(KINDS):04d}", [("stage", at)], whole=True
        )
    return time.process_time() - began


def rows(name: str, number: int, count: int) -> pa.Table:
    """One version of a product: the same rows as before, some of them new."""
    videos = [
        f"league/season/match-{i % MATCHES:04d}/{i // MATCHES + 1}" for i in range(2 * MATCHES)
    ]
    unit = pa.array(videos).take(pa.array([i * len(videos) // count for i in range(count)]))
    matches = pa.array([video.rsplit("/", 1)[0] for video in videos])
    match = matches.take(pa.array([i * len(videos) // count for i in range(count)]))
    ids = pa.array(
        [f"{u}@{i % 97}0-{i % 97}60?{number}-{i}" for i, u in enumerate(unit.to_pylist())]
    )
    given = {"kind": pa.repeat(KINDS[name], count), "id": ids, "parent": ids, "unit": unit}
    empty = pa.repeat("", count)
    columns = [{**given, "match": match}.get(field.name, empty) for field in MANIFEST_SCHEMA]
    return pa.Table.from_arrays(columns, schema=MANIFEST_SCHEMA)


def measured(db: Connection) -> dict[str, tuple[list[float], int]]:
    """Question -> CPU milliseconds of each round, each about another match."""
    asked: dict[str, Callable[[int], int]] = {
        "impact of a match: counts by product and kind": lambda i: counted(db, match(db, i)),
        "and the runs that hold them": lambda i: len(
            queries.map_products_to_runs(
                db, {one.number for one in queries.list_product_row_counts(db, match(db, i))}
            )
        ),
        "and three examples of each kind": lambda i: examples(db, match(db, i), 3),
        "every id of a match in every version (--json)": lambda i: examples(db, match(db, i), None),
        "impact of a video's file": lambda i: counted(
            db, queries.find_scope(db, f"{match(db, i).name}/1")
        ),
        "impact of the whole source": lambda i: counted(db, queries.find_scope(db, "league")),
    }
    return {name: clocked(question) for name, question in asked.items()}


def clocked(question: Callable[[int], int]) -> tuple[list[float], int]:
    times, told = [], 0
    for number in range(ROUNDS):
        began = time.process_time()
        told = question(number * 83 % MATCHES)
        times.append(1000 * (time.process_time() - began))
    return times, told


def match(db: Connection, number: int) -> queries.LineageScope:
    return queries.find_scope(db, f"league/season/match-{number:04d}")


def counted(db: Connection, scope: queries.LineageScope) -> int:
    return sum(one.rows for one in queries.list_product_row_counts(db, scope))


def examples(db: Connection, scope: queries.LineageScope, most: int | None) -> int:
    """How many ids are read."""
    units, every = queries.list_scope_units(db, scope), queries.list_product_row_counts(db, scope)
    newest = every if most is None else list({one.kind: one for one in every}.values())
    return sum(
        len(queries.list_row_ids(db, u, one.number, one.kind, most))
        for one in newest
        for u in units
    )


if __name__ == "__main__":
    main()
