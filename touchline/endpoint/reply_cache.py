"""Every request and its reply in one SQLite file: paid for once, found again for ever.

A reply is committed in the step of the event loop in which it arrives, so a kill finds it in the
file; `durable` waits until the disk has it too, for all who wait with one call. An attempt is
written down before it is sent: what was sent and never answered is known by name.
"""

import asyncio
import fcntl
import os
import sqlite3
import time
from pathlib import Path

from touchline.endpoint.reply import CUT, FINAL, Reply, from_json
from touchline.endpoint.request import Request
from touchline.errors import InputError

SHAPE = """
CREATE TABLE IF NOT EXISTS requests (
  key TEXT PRIMARY KEY,      -- the Idempotency-Key
  tag TEXT NOT NULL,         -- whose request it is
  what TEXT NOT NULL,        -- digest of what is asked
  how TEXT NOT NULL,         -- sampling but for the limit
  "limit" INTEGER NOT NULL,  -- tokens of the reply, at most; 0 for none
  sent INTEGER NOT NULL,     -- attempts begun
  fault TEXT,                -- NULL: never answered; "" for a good reply
  finish TEXT, tokens_in INTEGER, tokens_out INTEGER, cost REAL,
  reply TEXT, at REAL        -- epoch seconds
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS asked ON requests (what, how);
"""
KNOWN = (
    'SELECT "limit", finish, tokens_out, reply FROM requests WHERE what = ? AND how = ? '
    "AND fault IN (?, ?, ?) ORDER BY tokens_out DESC"
)
BEGIN = (
    'INSERT INTO requests (key, tag, what, how, "limit", sent) VALUES (?, ?, ?, ?, ?, 1) '
    "ON CONFLICT (key) DO UPDATE SET sent = sent + 1"
)
END = (
    "UPDATE requests SET fault = ?, finish = ?, tokens_in = ?, tokens_out = ?, cost = ?, "
    "reply = ?, at = ? WHERE key = ?"
)
NAME = "requests.sqlite"


class ReplyStore:
    """The rows of one folder; one process at a time."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.file = folder / NAME
        self._lock = _held(folder / "lock")
        self._db = sqlite3.connect(self.file, isolation_level=None, cached_statements=16)
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = NORMAL")
        self._db.execute("PRAGMA wal_autocheckpoint = 4000")
        self._db.executescript(SHAPE)
        self._db.execute("PRAGMA user_version = 1")  # now the log exists: its descriptor is kept
        self._log = os.open(f"{self.file}-wal", os.O_RDWR)
        self._turn, self._next = asyncio.Lock(), None

    def close(self) -> None:
        os.close(self._log)
        self._db.close()
        os.close(self._lock)

    def known(self, asked: Request) -> Reply | None:
        """The reply that this request had, or would have had under its limit; None if unknown.

        One that ended by itself within the limit is the same under any; one that was cut off is
        the same under the same limit only.
        """
        rows = self._db.execute(KNOWN, (asked.what, asked.how, *FINAL))
        for limit, finish, tokens_out, reply in rows:
            cut = finish == CUT
            if limit == asked.limit or (not cut and (not asked.limit or tokens_out <= asked.limit)):
                return from_json(reply)
        return None

    def begin(self, asked: Request) -> None:
        """Write down that the request is about to be sent."""
        row = (asked.key, asked.tag, asked.what, asked.how, asked.limit)
        self._db.execute(BEGIN, row)

    def end(self, asked: Request, reply: Reply) -> None:
        """Keep what came back."""
        numbers = (reply.finish, reply.tokens_in, reply.tokens_out, reply.cost)
        row = (reply.fault, *numbers, reply.as_json(), time.time(), asked.key)
        self._db.execute(END, row)

    async def durable(self) -> None:
        """Return when all that was written before is on the disk; many waiters share one call."""
        if self._next is None:
            self._next = asyncio.get_running_loop().create_task(self._sync())
        await asyncio.shield(self._next)

    async def _sync(self) -> None:
        async with self._turn:  # the one under way may have begun before our rows
            self._next = None
            await asyncio.to_thread(os.fdatasync, self._log)

    def counts(self) -> dict[str, int]:
        """Rows by what became of them; `in doubt`: sent, and never heard of."""
        named = "SELECT count(*) FROM requests WHERE fault IS NULL"
        good = "SELECT fault, count(*) FROM requests WHERE fault IS NOT NULL GROUP BY fault"
        doubtful = self._db.execute(named).fetchone()[0]
        return {fault or "good": n for fault, n in self._db.execute(good)} | {"in doubt": doubtful}


def _held(file: Path) -> int:
    """The lock of a folder: it ends with the process, whatever ends that."""
    lock = os.open(file, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(lock)
        raise InputError(
            file.parent, "is in use by another process", "wait until it ends"
        ) from None
    return lock
