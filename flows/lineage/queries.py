"""Queries on the row index: resolve a name to a scope, count its rows per product, and list the
runs that hold them.
"""

import difflib
from dataclasses import dataclass

from sqlalchemy import Connection, Select, func, select

from flows.lineage.manifest import ROW_KINDS, ProductVersion
from flows.lineage.schema import (
    MATCH,
    SOURCE,
    UNIT,
    files,
    product_uses,
    products,
    rows,
    runs,
    scopes,
    tallies,
    video_files,
)
from touchline.errors import InputError

LEVEL_KINDS = {UNIT: "file", MATCH: "match", SOURCE: "source"}
MAX_SUGGESTIONS = 5  # names that a sentence offers


@dataclass(frozen=True)
class LineageScope:
    """A video, match or source of the row index. `level` is UNIT, MATCH or SOURCE of the schema;
    `kind` is the same as a word: file, match or source.
    """

    number: int
    level: int
    name: str

    @property
    def kind(self) -> str:
        return LEVEL_KINDS[self.level]


@dataclass(frozen=True)
class ProductRowCount:
    """Number of rows of one kind that a product version holds of a scope."""

    number: int  # of the product
    product: ProductVersion
    kind: str
    rows: int


def find_scope(db: Connection, name: str, sha256: str = "") -> LineageScope:
    """Resolve `name` to a scope: a match, a video, a source, or the path or sha256 of a video file.
    The source prefix of a match may be left out where the rest is unambiguous. Raises
    `InputError` with similar names if nothing or more than one thing matches.
    """
    for level in (MATCH, UNIT, SOURCE):
        if candidates := _select_scopes(db, scopes.c.name == name, level):
            return candidates[0]
    candidates = _find_scopes_by_file(db, name, sha256)
    if not candidates:
        ends = scopes.c.name.endswith(f"/{name}", autoescape=True)
        candidates = _select_scopes(db, ends, MATCH) or _select_scopes(db, ends, UNIT)
    if len(candidates) == 1:
        return candidates[0]
    raise _unknown_scope_error(db, name, [scope.name for scope in candidates])


def _select_scopes(db: Connection, condition: object, level: int) -> list[LineageScope]:
    query = select(scopes.c.number, scopes.c.level, scopes.c.name)
    found_rows = db.execute(
        query.where(condition, scopes.c.level == level).limit(MAX_SUGGESTIONS + 1)  # type: ignore[arg-type]
    )
    return [LineageScope(*row) for row in found_rows]


def _find_scopes_by_file(db: Connection, name: str, sha256: str) -> list[LineageScope]:
    """The videos whose file has, or had in any run, this path or sha256."""
    query = select(scopes.c.number, scopes.c.level, scopes.c.name).distinct()
    path = name.removeprefix("./").removeprefix("data/videos/")
    condition = video_files.c.sha256.in_([sha256 or name, name]) | (video_files.c.path == path)
    return [
        LineageScope(*row)
        for row in db.execute(
            query.join(video_files, video_files.c.scope == scopes.c.number).where(condition)
        )
    ]


def _unknown_scope_error(db: Connection, wanted_name: str, candidates: list[str]) -> InputError:
    if candidates:
        listed_names = ", ".join(candidates[:MAX_SUGGESTIONS]) + (
            " ..." if len(candidates) > MAX_SUGGESTIONS else ""
        )
        return InputError(wanted_name, f"may mean {listed_names}", "give the whole name")
    names = list(db.execute(select(scopes.c.name).where(scopes.c.level != UNIT)).scalars())
    if not names:
        return InputError(
            wanted_name, "no row of any run is indexed", "`touchline retrain` makes some"
        )
    close = [name for name in names if wanted_name.lower() in name.lower()][:MAX_SUGGESTIONS]
    close = close or difflib.get_close_matches(wanted_name, names, n=MAX_SUGGESTIONS, cutoff=0.4)
    remedy = f"did you mean {' or '.join(close)}?" if close else f"known is e.g. {names[-1]}"
    return InputError(wanted_name, "is not a match, source or file that any run has seen", remedy)


def list_product_row_counts(db: Connection, scope: LineageScope) -> list[ProductRowCount]:
    """Row counts of a scope per product version and kind, in the order in which products were
    indexed. Reads the precomputed `tallies` table.
    """
    query = (
        select(products.c.number, products.c.path, products.c.md5, products.c.origin)
        .add_columns(tallies.c.kind, tallies.c.rows)
        .join(products, products.c.number == tallies.c.product)
        .where(tallies.c.scope == scope.number)
        .order_by(tallies.c.product, tallies.c.kind)
    )
    return [
        ProductRowCount(number, ProductVersion(path, md5, origin), ROW_KINDS[kind], count)
        for number, path, md5, origin, kind, count in db.execute(query)
    ]


def list_scope_units(db: Connection, scope: LineageScope) -> list[LineageScope]:
    """The units of a scope: its videos, and per match one unit for files that belong to no single
    video.
    """
    query = select(scopes.c.number, scopes.c.level, scopes.c.name).order_by(scopes.c.name)
    return [
        LineageScope(*row)
        for row in db.execute(query.where(scopes.c.number.in_(_unit_numbers(scope))))
    ]


def _unit_numbers(scope: LineageScope) -> Select:
    """Subquery that selects the numbers of the units of a scope."""
    if scope.level == UNIT:
        return select(scopes.c.number).where(scopes.c.number == scope.number)
    children = select(scopes.c.number).where(scopes.c.above == scope.number)
    return (
        children
        if scope.level == MATCH
        else select(scopes.c.number).where(scopes.c.above.in_(children))
    )


def list_scope_matches(db: Connection, scope: LineageScope) -> list[str]:
    """Names of the matches of a scope; an empty list if the scope is a single video."""
    if scope.level == UNIT:
        return []
    query = select(scopes.c.name).where(scopes.c.above == scope.number)
    return [scope.name] if scope.level == MATCH else list(db.execute(query).scalars())


def list_row_ids(
    db: Connection, unit: LineageScope, product: int, kind: str, limit: int | None = None
) -> list[str]:
    """Ids of the rows of one kind that a product holds of a unit, in the product's order; at most
    `limit` of them.
    """
    query = select(rows.c.id).where(
        rows.c.scope == unit.number, rows.c.product == product, rows.c.kind == ROW_KINDS.index(kind)
    )
    return list(db.execute(query.order_by(rows.c.place).limit(limit)).scalars())


def list_exclusive_files(db: Connection, unit: LineageScope) -> list[tuple[int, str]]:
    """(product number, file name) of each file that holds rows of this unit alone."""
    query = select(files.c.product, files.c.name).where(files.c.scope == unit.number)
    return [(product, name) for product, name in db.execute(query)]


def list_video_digests(db: Connection, scope: LineageScope) -> set[str]:
    """sha256 of every version of the video files of a scope that any run has seen."""
    is_in_scope = video_files.c.scope.in_(_unit_numbers(scope))
    query = select(video_files.c.sha256).where(is_in_scope, video_files.c.sha256 != "")
    return set(db.execute(query).scalars())


def map_products_to_runs(db: Connection, numbers: set[int]) -> dict[int, list[tuple[str, str]]]:
    """Map each product number to the (run, stage) pairs that hold it, oldest run first."""
    uses_by_product: dict[int, list[tuple[str, str]]] = {}
    query = select(product_uses.c.product, product_uses.c.run, product_uses.c.stage).where(
        product_uses.c.product.in_(numbers)
    )
    for product, run, stage in db.execute(query.order_by(product_uses.c.run)):
        uses_by_product.setdefault(product, []).append((run, stage))
    return uses_by_product


def list_indexed_runs(db: Connection) -> set[str]:
    """Ids of the runs whose products are all indexed."""
    return set(db.execute(select(runs.c.run).where(runs.c.whole == 1)).scalars())


def count_indexed_rows(db: Connection) -> dict[str, int]:
    """Size of the row index as {rows, products, matches}."""
    row_count = db.execute(select(func.coalesce(func.sum(products.c.rows), 0))).scalar_one()
    product_count = db.execute(select(func.count()).select_from(products)).scalar_one()
    query = select(func.count()).select_from(scopes).where(scopes.c.level == MATCH)
    return {
        "rows": int(row_count),
        "products": product_count,
        "matches": db.execute(query).scalar_one(),
    }
