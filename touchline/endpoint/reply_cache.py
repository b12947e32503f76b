"""A SQLite cache of every chat request and its reply.

A reply is committed in the event-loop step in which it arrives, so it survives a kill; `flush`
waits until it is on disk, shared by all waiters. An attempt is recorded before it is sent, so
requests without a reply are known.
"""

import asyncio
import fcntl
import os
import sqlite3
import time
from pathlib import Path

from touchline.endpoint.reply import FINAL_FAULTS, FINISH_LENGTH, ChatReply, parse_stored_reply
from touchline.endpoint.request import ChatRequest
from touchline.errors import InputError

CREATE_TABLE = """
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
SELECT_REPLIES = (
    'SELECT "limit", finish, tokens_out, reply FROM requests WHERE what = ? AND how = ? '
    "AND fault IN (?, ?, ?) ORDER BY tokens_out DESC"
)
INSERT_ATTEMPT = (
    'INSERT INTO requests (key, tag, what, how, "limit", sent) VALUES (?, ?, ?, ?, ?, 1) '
    "ON CONFLICT (key) DO UPDATE SET sent = sent + 1"
)
UPDATE_REPLY = (
    "UPDATE requests SET fault = ?, finish = ?, tokens_in = ?, tokens_out = ?, cost = ?, "
    "reply = ?, at = ? WHERE key = ?"
)
REPLY_DATABASE_NAME = "requests.sqlite"


class ReplyCache:
    """The reply cache in one folder; locked, one process at a time."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.file = folder / REPLY_DATABASE_NAME
        self._lock = _lock_folder(folder / "lock")
        self._database = sqlite3.connect(self.file, isolation_level=None, cached_statements=16)
        self._database.execute("PRAGMA journal_mode = WAL")
        self._database.execute("PRAGMA synchronous = NORMAL")
        self._database.execute("PRAGMA wal_autocheckpoint = 4000")
        self._database.executescript(CREATE_TABLE)
        self._database.execute(
            "PRAGMA user_version = 1"
        )  # now the log exists: its descriptor is kept
        self._wal_descriptor = os.open(f"{self.file}-wal", os.O_RDWR)
        self._flush_lock, self._next_flush = asyncio.Lock(), None

    def close(self) -> None:
        os.close(self._wal_descriptor)
        self._database.close()
        os.close(self._lock)

    def find_reply(self, request: ChatRequest) -> ChatReply | None:
        """The cached reply to this request, or to the same one under another token limit if it
        would be equal; None if unknown.

        A reply that ended by itself is valid under every limit it fits in; one cut off by the limit
        only under the same limit.
        """
        rows = self._database.execute(
            SELECT_REPLIES, (request.content_digest, request.sampling_json, *FINAL_FAULTS)
        )
        for limit, finish, tokens_out, reply in rows:
            cut = finish == FINISH_LENGTH
            if limit == request.max_tokens or (
                not cut and (not request.max_tokens or tokens_out <= request.max_tokens)
            ):
                return parse_stored_reply(reply)
        return None

    def record_attempt(self, request: ChatRequest) -> None:
        """Record that the request is about to be sent."""
        row = (
            request.key,
            request.tag,
            request.content_digest,
            request.sampling_json,
            request.max_tokens,
        )
        self._database.execute(INSERT_ATTEMPT, row)

    def record_reply(self, request: ChatRequest, reply: ChatReply) -> None:
        """Store the reply."""
        numbers = (reply.finish, reply.tokens_in, reply.tokens_out, reply.cost)
        row = (reply.fault, *numbers, reply.to_json(), time.time(), request.key)
        self._database.execute(UPDATE_REPLY, row)

    async def flush(self) -> None:
        """Wait until everything written so far is on disk; concurrent callers share
        one fdatasync.
        """
        if self._next_flush is None:
            self._next_flush = asyncio.get_running_loop().create_task(self._flush_wal())
        await asyncio.shield(self._next_flush)

    async def _flush_wal(self) -> None:
        async with self._flush_lock:  # the one under way may have begun before our rows
            self._next_flush = None
            await asyncio.to_thread(os.fdatasync, self._wal_descriptor)

    def count_by_fault(self) -> dict[str, int]:
        """Number of rows by fault (`good` for none); `in doubt`: sent, but never answered."""
        unanswered = "SELECT count(*) FROM requests WHERE fault IS NULL"
        answered = "SELECT fault, count(*) FROM requests WHERE fault IS NOT NULL GROUP BY fault"
        doubtful = self._database.execute(unanswered).fetchone()[0]
        return {fault or "good": n for fault, n in self._database.execute(answered)} | {
            "in doubt": doubtful
        }


def _lock_folder(file: Path) -> int:
    """Lock the folder and return the lock's file descriptor; the lock ends with the process. Raises
    `InputError` if it is locked.
    """
    lock = os.open(file, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(lock)
        raise InputError(
            file.parent, "is in use by another process", "wait until it ends"
        ) from None
    return lock
