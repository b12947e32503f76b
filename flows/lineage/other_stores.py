"""What else of a match lies on this machine: checkpoints, remembered answers, replies, nights.

These stores save work; none of them is a product, and no run's record names what is in them. Each
`of_*` finds what is there of some videos, each `drop_*` removes just that.
"""

import os
import shutil
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from flows.lineage import schema
from flows.lineage.derive_rows import pc
from flows.nightly import record as nights
from touchline import state_dirs
from touchline.endpoint import reply_cache as replies
from touchline.evaluation import answer_cache
from touchline.video.frame_store import store_path


@dataclass(frozen=True)
class Wanted:
    """Videos by their ids, their whole matches, and the digests of their files and products."""

    units: tuple[str, ...]
    matches: tuple[str, ...]
    sha256: frozenset[str]
    md5: frozenset[str]  # of the product versions that hold rows of them


def of_checkpoints(root: Path, wanted: Wanted) -> list[Path]:
    """Folders of trainings that were fed such a product, or do not say of what data they are."""
    found = []
    for folder in sorted(_below(root, "checkpoints", "TOUCHLINE_CHECKPOINTS").glob("*/*")):
        if folder.is_dir():
            fed = state_dirs.inputs(folder)
            data = {md5 for path, md5 in fed.items() if path.startswith("data/")}
            if not data or wanted.md5 & data:
                found.append(folder)
    return found


def of_answers(root: Path, wanted: Wanted) -> dict[str, int]:
    """How many remembered answers are of these matches, and of no known match."""
    file = _below(root, "checkpoints", "TOUCHLINE_CHECKPOINTS") / answer_cache.FILE
    with _database(file) as db:
        if db is None:
            return {"here": 0, "unknown": 0}
        if "match" not in {row[1] for row in db.execute("PRAGMA table_info(said)")}:
            return {"here": 0, "unknown": _one(db, "SELECT count(*) FROM said")}
        ask = "SELECT count(*) FROM said WHERE match = ?"
        here = sum(_one(db, ask, match) for match in _matches(wanted))
        return {"here": here, "unknown": _one(db, ask, "")}


def drop_answers(root: Path, wanted: Wanted) -> None:
    """Those of unknown matches go as well: they may be of these."""
    file = _below(root, "checkpoints", "TOUCHLINE_CHECKPOINTS") / answer_cache.FILE
    if not file.is_file():
        return
    with answer_cache.keep(file) as store, store.db:
        every = [(match,) for match in ("", *_matches(wanted))]
        store.db.executemany("DELETE FROM said WHERE match = ?", every)
    _compact(file)


def of_replies(root: Path, wanted: Wanted) -> dict[str, int]:
    """Requests that were about these videos, by the folder they lie in."""
    found = {}
    for file in reply_files(root):
        with _database(file) as db:
            if db is not None:
                ask = "SELECT count(*) FROM requests WHERE instr(tag, ?) > 0"
                found[file.parent.name] = sum(_one(db, ask, f"{u}@") for u in wanted.units)
    return {name: count for name, count in found.items() if count}


def drop_replies(root: Path, wanted: Wanted) -> None:
    """Paid for, and gone: nobody may ask about these videos again."""
    for file in reply_files(root):
        with closing(sqlite3.connect(file, timeout=answer_cache.WAIT)) as db, db:
            db.execute("PRAGMA secure_delete = ON")
            every = [(f"{unit}@",) for unit in wanted.units]
            db.executemany("DELETE FROM requests WHERE instr(tag, ?) > 0", every)
        _compact(file)


def of_highlights(root: Path, wanted: Wanted) -> list[Path]:
    """Frames and answers of the highlights' cache, which names a film by its digest."""
    cache = root / ".touchline" / "highlights"
    frames = [f for f in sorted(cache.glob("frames/*/*.parquet")) if f.stem in wanted.sha256]
    marks = [digest.encode() for digest in wanted.sha256]
    said = [
        file
        for file in sorted(cache.glob("answers/*.json"))
        if marks and any(mark in file.read_bytes() for mark in marks)
    ]
    return [*frames, *said]


def of_nights(root: Path, wanted: Wanted) -> list[Path]:
    """Tables of nights' answers that hold a row of these matches."""
    matches = pa.array(_matches(wanted), pa.string())
    found = []
    for file in sorted((nights.folder(root) / "answers").glob("*.parquet")):
        try:
            column = pq.read_table(file, columns=["match"])["match"]
        except (pa.ArrowException, KeyError, OSError):  # no table: whoever reads it says so
            continue
        if pc.any(pc.is_in(column, value_set=matches)).as_py():
            found.append(file)
    return found


def of_benchmarks(root: Path, wanted: Wanted) -> list[Path]:
    """Benchmarks restored for nights that lead to objects which are about to go."""
    found = []
    for folder in sorted((nights.folder(root) / "benchmarks").glob("*")):
        links = [path for path in folder.rglob("*") if path.is_symlink()]
        if any(not link.exists() for link in links) or _pinned(root, folder.name, wanted):
            found.append(folder)
    return found


def _pinned(root: Path, name: str, wanted: Wanted) -> bool:
    """Whether a benchmark's products hold these videos: its frames are named by them."""
    frames = nights.folder(root) / "benchmarks" / name / "frames"
    return any(store_path(frames, unit).is_file() for unit in wanted.units)


def remove(paths: Sequence[Path]) -> None:
    """Remove files and folders; what is gone already stays so."""
    for path in paths:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def size(path: Path) -> int:
    """Bytes of a file or of all files below a folder."""
    every = [path] if path.is_file() else [p for p in path.rglob("*") if p.is_file()]
    return sum(file.stat().st_size for file in every)


def _matches(wanted: Wanted) -> list[str]:
    """Whole matches; of a single video, the match it is of, for its answers name no video."""
    return list(wanted.matches) or sorted({unit.rsplit("/", 1)[0] for unit in wanted.units})


def reply_files(root: Path) -> list[Path]:
    """The stores of replies: teachers', judges', candidates'."""
    return sorted(_below(root, "replies", "TOUCHLINE_REPLIES").glob(f"*/{replies.NAME}"))


def _below(root: Path, name: str, variable: str) -> Path:
    return Path(os.environ.get(variable) or root / ".touchline" / name)


@contextmanager
def _database(file: Path) -> Iterator[sqlite3.Connection | None]:
    """An SQLite file opened for reading; None where there is none."""
    if not file.is_file():
        yield None
        return
    with schema.open_read_only(file) as db:
        yield db


def _one(db: sqlite3.Connection, ask: str, *given: str) -> int:
    return db.execute(ask, given).fetchone()[0]


def _compact(file: Path) -> None:
    """Write the file anew, so that what was deleted is in none of its pages, nor in its log."""
    with closing(sqlite3.connect(file, timeout=answer_cache.WAIT)) as db:
        db.execute("VACUUM")
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
