"""Take products and names out of the index, so that their bytes are in no page of it."""

from collections.abc import Iterable, Sequence

from sqlalchemy import Engine, delete, select, text

from touchline.lineage.tables import (
    MATCH,
    UNIT,
    files,
    films,
    meta,
    products,
    rows,
    scopes,
    tallies,
    uses,
)

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
