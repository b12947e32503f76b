"""Cache of candidates' answers: one SQLite file shared by all runs of a checkout.

The key is a digest of everything that determines the answer, so entries never become stale. Beyond
`max_bytes` the least recently used rows are deleted. Each row has its match, so that a withdrawn
match's rows can be deleted. Safe for concurrent processes; a killed process loses only its open
transaction.
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
    """Context manager: open (or create) the cache at `path`; by default the one of
    this checkout.
    """
    path = path or get_checkpoint_root() / ANSWER_CACHE_FILE
    path.parent.mkdir(parents=True, exist_ok=True)
    cache = AnswerCache(path)
    try:
        yield cache
    finally:
        cache.db.close()


class AnswerCache:
    """An open answer cache; each method is one transaction."""

    def __init__(self, path: Path, max_bytes: int = MAX_BYTES) -> None:
        self.max_bytes = max_bytes
        self.db = _open_or_replace(path)

    def get_answers(self, keys: Sequence[str]) -> dict[str, str]:
        """{key: answer} for those of `keys` that are cached; marks them as used today."""
        answers: dict[str, str] = {}
        for start in range(0, len(keys), KEYS_PER_QUERY):
            batch_keys = list(keys[start : start + KEYS_PER_QUERY])
            marks = ",".join("?" * len(batch_keys))
            answers.update(
                self.db.execute(f"SELECT key, said FROM said WHERE key IN ({marks})", batch_keys)
            )
        day = _day_number()
        with self.db:
            touch = "UPDATE said SET day = ? WHERE key = ? AND day < ?"
            self.db.executemany(touch, [(day, key, day) for key in answers])
        return answers

    def put_answers(
        self, rows: Mapping[str, str], matches: Mapping[str, str] | None = None
    ) -> None:
        """Store answers by key, all or none, then evict old rows if the file is too big. `matches`
        maps key -> match.
        """
        match_of_key, day = matches or {}, _day_number()
        statement = "INSERT OR REPLACE INTO said (key, said, day, match) VALUES (?, ?, ?, ?)"
        with self.db:
            new_rows = [
                (key, answer, day, match_of_key.get(key, "")) for key, answer in rows.items()
            ]
            self.db.executemany(statement, new_rows)
        self._evict_oldest()

    def get_file_digest(self, path: str, file_state: str) -> str:
        """The stored digest of a file if it still has this state (size, mtime), else ''."""
        query = "SELECT digest FROM files WHERE path = ? AND looks = ?"
        row = self.db.execute(query, (path, file_state)).fetchone()
        return row[0] if row else ""

    def put_file_digest(self, path: str, file_state: str, digest: str) -> None:
        """Store the digest of a file together with its present state (size, mtime)."""
        with self.db:
            self.db.execute(
                "INSERT OR REPLACE INTO files VALUES (?, ?, ?)", (path, file_state, digest)
            )

    def _evict_oldest(self) -> None:
        while self._used_bytes() > self.max_bytes:
            with self.db:
                tenth = max(1, self.db.execute("SELECT count(*) FROM said").fetchone()[0] // 10)
                oldest = "SELECT rowid FROM said ORDER BY day, rowid LIMIT ?"
                deleted = self.db.execute(f"DELETE FROM said WHERE rowid IN ({oldest})", (tenth,))
            if not deleted.rowcount:
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
