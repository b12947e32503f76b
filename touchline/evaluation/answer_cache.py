"""What candidates said before, kept in one SQLite file that all runs of a checkout share.

A row is found by the digest of all that decided it, so nothing in here can go stale; what has not
been used for longest goes first when the file grows beyond its bound. A row says of which match it
is: when that is withdrawn, the row goes. Several processes may read and write at once; a kill
leaves the rows of every finished transaction.
"""

import sqlite3
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from touchline.state_dirs import get_checkpoint_root

ANSWER_CACHE_FILE = "answers.sqlite"
MAX_BYTES = 2**30  # bytes; a million answers of a kilobyte
DAY_SECONDS = 24 * 3600
KEYS_PER_QUERY = 500  # keys per query
LOCK_TIMEOUT = 60.0  # seconds for another process to finish its transaction
RETRY_SECONDS = 0.02  # seconds between two attempts to open a file that another process is making
CREATE_TABLES = """
CREATE TABLE IF NOT EXISTS said (
  key TEXT PRIMARY KEY, said TEXT NOT NULL, day INTEGER NOT NULL, match TEXT NOT NULL DEFAULT ''
);
CREATE INDEX IF NOT EXISTS by_day ON said (day);
CREATE TABLE IF NOT EXISTS files (path TEXT PRIMARY KEY, looks TEXT NOT NULL, digest TEXT NOT NULL);
"""
ADD_MATCH_COLUMN = "ALTER TABLE said ADD COLUMN match TEXT NOT NULL DEFAULT ''"  # a file of before


@contextmanager
def open_answer_cache(path: Path | None = None) -> Iterator["AnswerCache"]:
    """Open the file of this checkout, or another one; made if need be."""
    path = path or get_checkpoint_root() / ANSWER_CACHE_FILE
    path.parent.mkdir(parents=True, exist_ok=True)
    store = AnswerCache(path)
    try:
        yield store
    finally:
        store.db.close()


class AnswerCache:
    """The open file; each method is one transaction."""

    def __init__(self, path: Path, most: int = MAX_BYTES) -> None:
        self.max_bytes = most
        self.db = _open_or_replace(path)

    def get_answers(self, keys: Sequence[str]) -> dict[str, str]:
        """What is kept under these keys; it counts as used today."""
        found: dict[str, str] = {}
        for at in range(0, len(keys), KEYS_PER_QUERY):
            part = list(keys[at : at + KEYS_PER_QUERY])
            marks = ",".join("?" * len(part))
            found.update(
                self.db.execute(f"SELECT key, said FROM said WHERE key IN ({marks})", part)
            )
        day = _day_number()
        with self.db:
            touch = "UPDATE said SET day = ? WHERE key = ? AND day < ?"
            self.db.executemany(touch, [(day, key, day) for key in found])
        return found

    def put_answers(
        self, rows: Mapping[str, str], matches: Mapping[str, str] | None = None
    ) -> None:
        """Keep all of these or, after a kill, none; `matches`: key -> match that it is of."""
        of, day = matches or {}, _day_number()
        into = "INSERT OR REPLACE INTO said (key, said, day, match) VALUES (?, ?, ?, ?)"
        with self.db:
            fresh = [(key, said, day, of.get(key, "")) for key, said in rows.items()]
            self.db.executemany(into, fresh)
        self._evict_oldest()

    def get_file_digest(self, path: str, looks: str) -> str:
        """The digest of a file that looked like this; "" for one never seen so."""
        ask = "SELECT digest FROM files WHERE path = ? AND looks = ?"
        found = self.db.execute(ask, (path, looks)).fetchone()
        return found[0] if found else ""

    def put_file_digest(self, path: str, looks: str, digest: str) -> None:
        """The digest of a file that looks like this now."""
        with self.db:
            self.db.execute("INSERT OR REPLACE INTO files VALUES (?, ?, ?)", (path, looks, digest))

    def _evict_oldest(self) -> None:
        while self._used_bytes() > self.max_bytes:
            with self.db:
                tenth = max(1, self.db.execute("SELECT count(*) FROM said").fetchone()[0] // 10)
                oldest = "SELECT rowid FROM said ORDER BY day, rowid LIMIT ?"
                gone = self.db.execute(f"DELETE FROM said WHERE rowid IN ({oldest})", (tenth,))
            if not gone.rowcount:
                return

    def _used_bytes(self) -> int:
        """What is in use: pages that deleting has freed are written again first."""
        pages, free, size = (
            self.db.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("page_count", "freelist_count", "page_size")
        )
        return (pages - free) * size


def _open_or_replace(path: Path) -> sqlite3.Connection:
    """A damaged file is set aside: it only ever saved work."""
    try:
        return _connect_with_retry(path)
    except sqlite3.DatabaseError as error:
        if isinstance(error, sqlite3.OperationalError):
            raise
        path.replace(path.with_suffix(".damaged"))
        for tail in ("-wal", "-shm"):
            path.with_name(path.name + tail).unlink(missing_ok=True)
        return _connect_with_retry(path)


def _connect_with_retry(path: Path) -> sqlite3.Connection:
    """SQLite does not wait by itself where two processes open a new file at once."""
    until = time.monotonic() + LOCK_TIMEOUT
    while True:
        try:
            return _prepare_database(path)
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > until:
                raise
            time.sleep(RETRY_SECONDS)


def _prepare_database(path: Path) -> sqlite3.Connection:
    db = sqlite3.connect(path, timeout=LOCK_TIMEOUT)
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = NORMAL")  # a power cut may cost the last rows, never the file
    db.executescript(CREATE_TABLES)
    if "match" not in {row[1] for row in db.execute("PRAGMA table_info(said)")}:
        db.execute(ADD_MATCH_COLUMN)
    return db


def _day_number() -> int:
    return int(time.time()) // DAY_SECONDS
