"""Ask the index: what a name means, how many rows came of it, in which products and runs."""

import difflib
from dataclasses import dataclass

from sqlalchemy import Connection, Select, func, select

from flows.lineage.manifest import KINDS, Product
from flows.lineage.schema import (
    MATCH,
    SOURCE,
    UNIT,
    files,
    films,
    products,
    rows,
    runs,
    scopes,
    tallies,
    uses,
)
from touchline.errors import BadInput

LEVELS = {UNIT: "file", MATCH: "match", SOURCE: "source"}
NEAR = 5  # names that a sentence offers


@dataclass(frozen=True)
class Scope:
    """A video, a match or a source, of which rows came."""

    number: int
    level: int
    name: str

    @property
    def kind(self) -> str:
        return LEVELS[self.level]


@dataclass(frozen=True)
class Share:
    """How many rows of one kind a product holds of a scope."""

    number: int  # of the product
    product: Product
    kind: str
    rows: int


def find(db: Connection, wanted: str, sha256: str = "") -> Scope:
    """What `wanted` names: a match, a video, a source, or a video's file by path or digest.

    A match needs no source before it where only one ends so. Raises `BadInput` with near names.
    """
    for level in (MATCH, UNIT, SOURCE):
        if found := _named(db, scopes.c.name == wanted, level):
            return found[0]
    found = _filmed(db, wanted, sha256)
    if not found:
        ends = scopes.c.name.endswith(f"/{wanted}", autoescape=True)
        found = _named(db, ends, MATCH) or _named(db, ends, UNIT)
    if len(found) == 1:
        return found[0]
    raise _unknown(db, wanted, [one.name for one in found])


def _named(db: Connection, which: object, level: int) -> list[Scope]:
    ask = select(scopes.c.number, scopes.c.level, scopes.c.name)
    every = db.execute(ask.where(which, scopes.c.level == level).limit(NEAR + 1))  # type: ignore[arg-type]
    return [Scope(*row) for row in every]


def _filmed(db: Connection, wanted: str, sha256: str) -> list[Scope]:
    """The videos with this file; every half that was ever of these bytes."""
    ask = select(scopes.c.number, scopes.c.level, scopes.c.name).distinct()
    path = wanted.removeprefix("./").removeprefix("data/videos/")
    which = films.c.sha256.in_([sha256 or wanted, wanted]) | (films.c.path == path)
    return [
        Scope(*row)
        for row in db.execute(ask.join(films, films.c.scope == scopes.c.number).where(which))
    ]


def _unknown(db: Connection, wanted: str, several: list[str]) -> BadInput:
    if several:
        shown = ", ".join(several[:NEAR]) + (" ..." if len(several) > NEAR else "")
        return BadInput(wanted, f"may mean {shown}", "give the whole name")
    names = list(db.execute(select(scopes.c.name).where(scopes.c.level != UNIT)).scalars())
    if not names:
        return BadInput(wanted, "no row of any run is indexed", "`touchline retrain` makes some")
    close = [name for name in names if wanted.lower() in name.lower()][:NEAR]
    close = close or difflib.get_close_matches(wanted, names, n=NEAR, cutoff=0.4)
    remedy = f"did you mean {' or '.join(close)}?" if close else f"known is e.g. {names[-1]}"
    return BadInput(wanted, "is no match, source or file that any run has seen", remedy)


def shares(db: Connection, scope: Scope) -> list[Share]:
    """What came of a scope, product by product; counted beforehand, so only read here."""
    ask = (
        select(products.c.number, products.c.path, products.c.md5, products.c.origin)
        .add_columns(tallies.c.kind, tallies.c.rows)
        .join(products, products.c.number == tallies.c.product)
        .where(tallies.c.scope == scope.number)
        .order_by(tallies.c.product, tallies.c.kind)
    )
    return [
        Share(number, Product(path, md5, origin), KINDS[kind], count)
        for number, path, md5, origin, kind, count in db.execute(ask)
    ]


def units(db: Connection, scope: Scope) -> list[Scope]:
    """The videos of a scope, and the files of its matches that are of no single video."""
    ask = select(scopes.c.number, scopes.c.level, scopes.c.name).order_by(scopes.c.name)
    return [Scope(*row) for row in db.execute(ask.where(scopes.c.number.in_(_units(scope))))]


def _units(scope: Scope) -> Select:
    """The numbers of the units of a scope, as a query within a query."""
    if scope.level == UNIT:
        return select(scopes.c.number).where(scopes.c.number == scope.number)
    over = select(scopes.c.number).where(scopes.c.above == scope.number)
    return over if scope.level == MATCH else select(scopes.c.number).where(scopes.c.above.in_(over))


def matches(db: Connection, scope: Scope) -> list[str]:
    """The matches of a scope; of a single video none is whole."""
    if scope.level == UNIT:
        return []
    ask = select(scopes.c.name).where(scopes.c.above == scope.number)
    return [scope.name] if scope.level == MATCH else list(db.execute(ask).scalars())


def ids(db: Connection, unit: Scope, product: int, kind: str, most: int | None = None) -> list[str]:
    """Ids of a video's rows of one kind in a product, in the product's order."""
    ask = select(rows.c.id).where(
        rows.c.scope == unit.number, rows.c.product == product, rows.c.kind == KINDS.index(kind)
    )
    return list(db.execute(ask.order_by(rows.c.place).limit(most)).scalars())


def stored(db: Connection, unit: Scope) -> list[tuple[int, str]]:
    """(product, name) of the files that hold this video and no other."""
    ask = select(files.c.product, files.c.name).where(files.c.scope == unit.number)
    return [(product, name) for product, name in db.execute(ask)]


def digests(db: Connection, scope: Scope) -> set[str]:
    """sha256 of every file that the videos of a scope ever had."""
    mine = films.c.scope.in_(_units(scope))
    ask = select(films.c.sha256).where(mine, films.c.sha256 != "")
    return set(db.execute(ask).scalars())


def holders(db: Connection, numbers: set[int]) -> dict[int, list[tuple[str, str]]]:
    """product -> (run, stage) of those that hold it, the oldest run first."""
    found: dict[int, list[tuple[str, str]]] = {}
    ask = select(uses.c.product, uses.c.run, uses.c.stage).where(uses.c.product.in_(numbers))
    for product, run, stage in db.execute(ask.order_by(uses.c.run)):
        found.setdefault(product, []).append((run, stage))
    return found


def indexed(db: Connection) -> set[str]:
    """Ids of the runs all of whose products are indexed."""
    return set(db.execute(select(runs.c.run).where(runs.c.whole == 1)).scalars())


def size(db: Connection) -> dict[str, int]:
    """How much is indexed: rows, products, matches."""
    total = db.execute(select(func.coalesce(func.sum(products.c.rows), 0))).scalar_one()
    made = db.execute(select(func.count()).select_from(products)).scalar_one()
    which = select(func.count()).select_from(scopes).where(scopes.c.level == MATCH)
    return {"rows": int(total), "products": made, "matches": db.execute(which).scalar_one()}
