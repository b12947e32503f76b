"""Schema of the row index, and opening its database: SQLite by default, PostgreSQL by URL."""

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

from touchline.errors import InputError

TABLES_VERSION = 1  # of these tables
INDEX_URL_VARIABLE = "TOUCHLINE_LINEAGE_URL"
UNIT, MATCH, SOURCE = 0, 1, 2  # levels of a scope: a video, a match, a source
BIG_INTEGER = BigInteger().with_variant(Integer, "sqlite")  # what SQLite numbers by itself
BYTE_ORDERED_TEXT = Text().with_variant(
    Text(collation="C"), "postgresql"
)  # in the order of bytes everywhere
CREATE_TABLES_LOCK = 7_031_126  # PostgreSQL's lock under which the tables are made

meta = MetaData()
index_version = Table(
    "about", meta, Column("shape", Integer, primary_key=True, autoincrement=False)
)
scopes = Table(
    "scopes",
    meta,
    Column("number", BIG_INTEGER, primary_key=True),
    Column("level", SmallInteger, nullable=False),
    Column("name", BYTE_ORDERED_TEXT, nullable=False),
    Column("above", BIG_INTEGER),
    UniqueConstraint("level", "name"),
    Index("below", "above"),
)
products = Table(
    "products",
    meta,
    Column("number", BIG_INTEGER, primary_key=True),
    Column("path", BYTE_ORDERED_TEXT, nullable=False),
    Column("md5", BYTE_ORDERED_TEXT, nullable=False),
    Column("origin", BYTE_ORDERED_TEXT, nullable=False),
    Column("rows", BIG_INTEGER, nullable=False),
    UniqueConstraint("path", "md5", "origin"),
)
# A video's rows of a product lie together: what came of it is read in one stretch.
rows = Table(
    "rows",
    meta,
    Column("scope", BIG_INTEGER, primary_key=True, autoincrement=False),
    Column("product", BIG_INTEGER, primary_key=True, autoincrement=False),
    Column("kind", SmallInteger, primary_key=True, autoincrement=False),
    Column("place", BIG_INTEGER, primary_key=True, autoincrement=False),
    Column("id", BYTE_ORDERED_TEXT, nullable=False),
    Column("parent", BYTE_ORDERED_TEXT, nullable=False),
    sqlite_with_rowid=False,
)
# Counted when a product is indexed, for the video, its match and its source: no question counts.
tallies = Table(
    "tallies",
    meta,
    Column("scope", BIG_INTEGER, primary_key=True, autoincrement=False),
    Column("product", BIG_INTEGER, primary_key=True, autoincrement=False),
    Column("kind", SmallInteger, primary_key=True, autoincrement=False),
    Column("rows", BIG_INTEGER, nullable=False),
    sqlite_with_rowid=False,
)
files = Table(  # of products that have a file for each video
    "files",
    meta,
    Column("scope", BIG_INTEGER, primary_key=True, autoincrement=False),
    Column("product", BIG_INTEGER, primary_key=True, autoincrement=False),
    Column("name", BYTE_ORDERED_TEXT, primary_key=True),
    sqlite_with_rowid=False,
)
video_files = Table(  # by what a video's file is known
    "films",
    meta,
    Column("scope", BIG_INTEGER, primary_key=True, autoincrement=False),
    Column("path", BYTE_ORDERED_TEXT, primary_key=True),
    Column("sha256", BYTE_ORDERED_TEXT, primary_key=True),
    Index("of_file", "sha256"),
    sqlite_with_rowid=False,
)
product_uses = Table(
    "uses",
    meta,
    Column("product", BIG_INTEGER, primary_key=True, autoincrement=False),
    Column("run", BYTE_ORDERED_TEXT, primary_key=True),
    Column("stage", BYTE_ORDERED_TEXT, nullable=False),
    Index("of_run", "run"),
    sqlite_with_rowid=False,
)
runs = Table(
    "runs",
    meta,
    Column("run", BYTE_ORDERED_TEXT, primary_key=True),
    Column("whole", SmallInteger, nullable=False),  # 0: some product could not be read, yet
)


def get_row_index_url(root: Path) -> str:
    """Database URL of the row index: `$TOUCHLINE_LINEAGE_URL`, else SQLite in
    `.touchline/lineage`.
    """
    return (
        os.environ.get(INDEX_URL_VARIABLE) or f"sqlite:///{root / '.touchline/lineage/rows.sqlite'}"
    )


def open_lineage_database(address: str) -> Engine:
    """Open the row index and create its tables if needed. Raises `InputError` without the password
    in it if the database cannot be opened.
    """
    try:
        engine = create_engine(address)
        if engine.dialect.name == "sqlite":
            _configure_sqlite(engine)
        with engine.begin() as db:
            _create_tables(db)
    except (SQLAlchemyError, ImportError) as error:
        reason = " ".join(str(getattr(error, "orig", None) or error).split())
        place = INDEX_URL_VARIABLE if os.environ.get(INDEX_URL_VARIABLE) else "the row index"
        raise InputError(
            place, f"cannot be opened ({reason[:160]})", "see docs/lineage.md"
        ) from None
    return engine


def _configure_sqlite(engine: Engine) -> None:
    Path(engine.url.database or "").parent.mkdir(parents=True, exist_ok=True)

    def set_pragmas(raw: object, _record: object) -> None:
        cursor = raw.cursor()  # type: ignore[attr-defined]
        for pragma in ("journal_mode = WAL", "synchronous = NORMAL", "busy_timeout = 60000"):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.execute("PRAGMA secure_delete = ON")  # what is withdrawn leaves no bytes behind
        cursor.close()

    event.listen(engine, "connect", set_pragmas)


def _create_tables(db: Connection) -> None:
    """Create the tables in an empty database, under an advisory lock on PostgreSQL. Raises
    `InputError` if a newer Touchline made them.
    """
    if db.dialect.name == "postgresql":
        db.execute(select(func.pg_advisory_xact_lock(CREATE_TABLES_LOCK)))
    if not inspect(db).has_table("about"):
        meta.create_all(db)
        db.execute(index_version.insert().values(shape=TABLES_VERSION))
        return
    shape = db.execute(select(index_version.c.shape)).scalar() or 0
    if shape > TABLES_VERSION:
        problem = f"its tables are of version {shape}, this Touchline knows {TABLES_VERSION}"
        raise InputError("the row index", problem, "update Touchline, or start a new index")


LOCK_TIMEOUT = 60.0  # seconds for another process to finish its transaction


def open_read_only(file: Path, wait: float = LOCK_TIMEOUT) -> closing[sqlite3.Connection]:
    """Read-only connection that is closed at the end of a `with` block; `wait` is the lock timeout
    in seconds.
    """
    address = f"{file.absolute().as_uri()}?mode=ro"
    return closing(sqlite3.connect(address, uri=True, timeout=wait))
