"""The tables of the row index, and how its database is opened: SQLite here, PostgreSQL by URL."""

import os
import sqlite3
from contextlib import closing
from pathlib import Path

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Engine,
    Index,
    Integer,
    MetaData,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    create_engine,
    event,
    func,
    inspect,
    select,
)
from sqlalchemy.exc import SQLAlchemyError

from touchline.errors import BadInput

SHAPE = 1  # of these tables
VARIABLE = "TOUCHLINE_LINEAGE_URL"
UNIT, MATCH, SOURCE = 0, 1, 2  # levels of a scope: a video, a match, a source
NUMBER = BigInteger().with_variant(Integer, "sqlite")  # what SQLite numbers by itself
WORDS = Text().with_variant(Text(collation="C"), "postgresql")  # in the order of bytes everywhere
SETTLING = 7_031_126  # PostgreSQL's lock under which the tables are made

meta = MetaData()
about = Table("about", meta, Column("shape", Integer, primary_key=True, autoincrement=False))
scopes = Table(
    "scopes",
    meta,
    Column("number", NUMBER, primary_key=True),
    Column("level", SmallInteger, nullable=False),
    Column("name", WORDS, nullable=False),
    Column("above", NUMBER),
    UniqueConstraint("level", "name"),
    Index("below", "above"),
)
products = Table(
    "products",
    meta,
    Column("number", NUMBER, primary_key=True),
    Column("path", WORDS, nullable=False),
    Column("md5", WORDS, nullable=False),
    Column("origin", WORDS, nullable=False),
    Column("rows", NUMBER, nullable=False),
    UniqueConstraint("path", "md5", "origin"),
)
# A video's rows of a product lie together: what came of it is read in one stretch.
rows = Table(
    "rows",
    meta,
    Column("scope", NUMBER, primary_key=True, autoincrement=False),
    Column("product", NUMBER, primary_key=True, autoincrement=False),
    Column("kind", SmallInteger, primary_key=True, autoincrement=False),
    Column("place", NUMBER, primary_key=True, autoincrement=False),
    Column("id", WORDS, nullable=False),
    Column("parent", WORDS, nullable=False),
    sqlite_with_rowid=False,
)
# Counted when a product is indexed, for the video, its match and its source: no question counts.
tallies = Table(
    "tallies",
    meta,
    Column("scope", NUMBER, primary_key=True, autoincrement=False),
    Column("product", NUMBER, primary_key=True, autoincrement=False),
    Column("kind", SmallInteger, primary_key=True, autoincrement=False),
    Column("rows", NUMBER, nullable=False),
    sqlite_with_rowid=False,
)
files = Table(  # of products that have a file for each video
    "files",
    meta,
    Column("scope", NUMBER, primary_key=True, autoincrement=False),
    Column("product", NUMBER, primary_key=True, autoincrement=False),
    Column("name", WORDS, primary_key=True),
    sqlite_with_rowid=False,
)
films = Table(  # by what a video's file is known
    "films",
    meta,
    Column("scope", NUMBER, primary_key=True, autoincrement=False),
    Column("path", WORDS, primary_key=True),
    Column("sha256", WORDS, primary_key=True),
    Index("of_file", "sha256"),
    sqlite_with_rowid=False,
)
uses = Table(
    "uses",
    meta,
    Column("product", NUMBER, primary_key=True, autoincrement=False),
    Column("run", WORDS, primary_key=True),
    Column("stage", WORDS, nullable=False),
    Index("of_run", "run"),
    sqlite_with_rowid=False,
)
runs = Table(
    "runs",
    meta,
    Column("run", WORDS, primary_key=True),
    Column("whole", SmallInteger, nullable=False),  # 0: some product could not be read, yet
)


def url(root: Path) -> str:
    """`$TOUCHLINE_LINEAGE_URL`, else SQLite in `.touchline/lineage`."""
    return os.environ.get(VARIABLE) or f"sqlite:///{root / '.touchline/lineage/rows.sqlite'}"


def open_lineage_database(address: str) -> Engine:
    """The database with its tables; a `BadInput` that names no password says why not."""
    try:
        engine = create_engine(address)
        if engine.dialect.name == "sqlite":
            _prepare(engine)
        with engine.begin() as db:
            _settle(db)
    except (SQLAlchemyError, ImportError) as error:
        said = " ".join(str(getattr(error, "orig", None) or error).split())
        place = VARIABLE if os.environ.get(VARIABLE) else "the row index"
        raise BadInput(place, f"cannot be opened ({said[:160]})", "see docs/lineage.md") from None
    return engine


def _prepare(engine: Engine) -> None:
    Path(engine.url.database or "").parent.mkdir(parents=True, exist_ok=True)

    def tune(raw: object, _record: object) -> None:
        cursor = raw.cursor()  # type: ignore[attr-defined]
        for pragma in ("journal_mode = WAL", "synchronous = NORMAL", "busy_timeout = 60000"):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.execute("PRAGMA secure_delete = ON")  # what is withdrawn leaves no bytes behind
        cursor.close()

    event.listen(engine, "connect", tune)


def _settle(db: Connection) -> None:
    """Tables for an empty database; two machines may come upon it at the same time."""
    if db.dialect.name == "postgresql":
        db.execute(select(func.pg_advisory_xact_lock(SETTLING)))
    if not inspect(db).has_table("about"):
        meta.create_all(db)
        db.execute(about.insert().values(shape=SHAPE))
        return
    shape = db.execute(select(about.c.shape)).scalar() or 0
    if shape > SHAPE:
        wrong = f"its tables are of version {shape}, this Touchline knows {SHAPE}"
        raise BadInput("the row index", wrong, "update Touchline, or start a new index")


WAIT = 60.0  # seconds for another process to finish its transaction


def open_read_only(file: Path, wait: float = WAIT) -> closing[sqlite3.Connection]:
    """Closed at the end of the block; a `#` or `?` in the name is no part of an address."""
    address = f"{file.absolute().as_uri()}?mode=ro"
    return closing(sqlite3.connect(address, uri=True, timeout=wait))
