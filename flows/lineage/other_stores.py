"""Local stores that are not products but may hold data of a match: training checkpoints, answer
cache, reply cache, highlights, nightly tables.

The `find_*` and `count_*` functions report what belongs to a `RemovalTarget`; the `delete_*`
functions remove it.
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
from flows.runs.record import locate_nights_folder
from touchline import state_dirs
from touchline.endpoint import reply_cache as replies
from touchline.evaluation import answer_cache
from touchline.video.frame_store import get_frame_store_path


@dataclass(frozen=True)
class RemovalTarget:
    """What to remove: ids of videos, names of whole matches, sha256 of video files, md5 of product
    versions that hold rows of them.
    """

    units: tuple[str, ...]
    matches: tuple[str, ...]
    sha256: frozenset[str]
    md5: frozenset[str]  # of the product versions that hold rows of them


def find_training_checkpoints(root: Path, target: RemovalTarget) -> list[Path]:
    """Checkpoint folders of trainings that read one of the target's products, or that do not record
    their inputs.
    """
    folders = []
    for folder in sorted(_store_folder(root, "checkpoints", "TOUCHLINE_CHECKPOINTS").glob("*/*")):
        if folder.is_dir():
            inputs = state_dirs.read_training_inputs(folder)
            data = {md5 for path, md5 in inputs.items() if path.startswith("data/")}
            if not data or target.md5 & data:
                folders.append(folder)
    return folders


def count_cached_answers(root: Path, target: RemovalTarget) -> dict[str, int]:
    """Number of cached answers as {here, unknown}: answers about the target's matches, and answers
    that do not record their match.
    """
    file = (
        _store_folder(root, "checkpoints", "TOUCHLINE_CHECKPOINTS") / answer_cache.ANSWER_CACHE_FILE
    )
    with _open_if_exists(file) as db:
        if db is None:
            return {"here": 0, "unknown": 0}
        if "match" not in {row[1] for row in db.execute("PRAGMA table_info(said)")}:
            return {"here": 0, "unknown": _query_value(db, "SELECT count(*) FROM said")}
        query = "SELECT count(*) FROM said WHERE match = ?"
        matching = sum(_query_value(db, query, match) for match in _target_matches(target))
        return {"here": matching, "unknown": _query_value(db, query, "")}


def delete_cached_answers(root: Path, target: RemovalTarget) -> None:
    """Delete cached answers about the target's matches, and those of unknown match, which may be
    about them.
    """
    file = (
        _store_folder(root, "checkpoints", "TOUCHLINE_CHECKPOINTS") / answer_cache.ANSWER_CACHE_FILE
    )
    if not file.is_file():
        return
    with answer_cache.open_answer_cache(file) as store, store.db:
        match_rows = [(match,) for match in ("", *_target_matches(target))]
        store.db.executemany("DELETE FROM said WHERE match = ?", match_rows)
    _compact_sqlite(file)


def count_cached_replies(root: Path, target: RemovalTarget) -> dict[str, int]:
    """Number of cached endpoint requests about the target's videos, by folder name."""
    counts = {}
    for file in list_reply_databases(root):
        with _open_if_exists(file) as db:
            if db is not None:
                query = "SELECT count(*) FROM requests WHERE instr(tag, ?) > 0"
                counts[file.parent.name] = sum(
                    _query_value(db, query, f"{u}@") for u in target.units
                )
    return {name: count for name, count in counts.items() if count}


def delete_cached_replies(root: Path, target: RemovalTarget) -> None:
    """Delete cached endpoint requests and replies about the target's videos from every
    reply cache.
    """
    for file in list_reply_databases(root):
        with closing(sqlite3.connect(file, timeout=answer_cache.LOCK_TIMEOUT)) as db, db:
            db.execute("PRAGMA secure_delete = ON")
            tag_rows = [(f"{unit}@",) for unit in target.units]
            db.executemany("DELETE FROM requests WHERE instr(tag, ?) > 0", tag_rows)
        _compact_sqlite(file)


def find_highlight_cache_files(root: Path, target: RemovalTarget) -> list[Path]:
    """Frame stores and answers in the highlights cache that belong to the target's video files, by
    their sha256.
    """
    cache = root / ".touchline" / "highlights"
    frames = [f for f in sorted(cache.glob("frames/*/*.parquet")) if f.stem in target.sha256]
    digests = [digest.encode() for digest in target.sha256]
    answer_files = [
        file
        for file in sorted(cache.glob("answers/*.json"))
        if digests and any(mark in file.read_bytes() for mark in digests)
    ]
    return [*frames, *answer_files]


def find_night_answer_tables(root: Path, target: RemovalTarget) -> list[Path]:
    """Answer tables of nightly runs with at least one row of the target's matches."""
    matches = pa.array(_target_matches(target), pa.string())
    answer_files = []
    for file in sorted((locate_nights_folder(root) / "answers").glob("*.parquet")):
        try:
            column = pq.read_table(file, columns=["match"])["match"]
        except (pa.ArrowException, KeyError, OSError):  # no table: whoever reads it says so
            continue
        if pc.any(pc.is_in(column, value_set=matches)).as_py():
            answer_files.append(file)
    return answer_files


def find_night_benchmarks(root: Path, target: RemovalTarget) -> list[Path]:
    """Restored nightly benchmarks that contain the target's videos or have broken links."""
    benchmarks = []
    for folder in sorted((locate_nights_folder(root) / "benchmarks").glob("*")):
        links = [path for path in folder.rglob("*") if path.is_symlink()]
        if any(not link.exists() for link in links) or _benchmark_has_target(
            root, folder.name, target
        ):
            benchmarks.append(folder)
    return benchmarks


def _benchmark_has_target(root: Path, name: str, target: RemovalTarget) -> bool:
    """Whether a benchmark has a frame store of one of the target's videos."""
    frames = locate_nights_folder(root) / "benchmarks" / name / "frames"
    return any(get_frame_store_path(frames, unit).is_file() for unit in target.units)


def delete_paths(paths: Sequence[Path]) -> None:
    """Delete files and folders; missing ones are ignored."""
    for path in paths:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def measure_path_bytes(path: Path) -> int:
    """Bytes of a file, or of all files below a folder."""
    all_files = [path] if path.is_file() else [p for p in path.rglob("*") if p.is_file()]
    return sum(file.stat().st_size for file in all_files)


def _target_matches(target: RemovalTarget) -> list[str]:
    """The target's whole matches; for single videos, the matches they belong to, because cached
    answers record only the match.
    """
    return list(target.matches) or sorted({unit.rsplit("/", 1)[0] for unit in target.units})


def list_reply_databases(root: Path) -> list[Path]:
    """SQLite files of all reply caches: teacher, judges, candidates."""
    return sorted(
        _store_folder(root, "replies", "TOUCHLINE_REPLIES").glob(f"*/{replies.REPLY_DATABASE_NAME}")
    )


def _store_folder(root: Path, name: str, variable: str) -> Path:
    return Path(os.environ.get(variable) or root / ".touchline" / name)


@contextmanager
def _open_if_exists(file: Path) -> Iterator[sqlite3.Connection | None]:
    """Open an SQLite file read-only; yields None if it does not exist."""
    if not file.is_file():
        yield None
        return
    with schema.open_read_only(file) as db:
        yield db


def _query_value(db: sqlite3.Connection, query: str, *values: str) -> int:
    return db.execute(query, values).fetchone()[0]


def _compact_sqlite(file: Path) -> None:
    """Rewrite the file and truncate its WAL, so that no deleted bytes remain."""
    with closing(sqlite3.connect(file, timeout=answer_cache.LOCK_TIMEOUT)) as db:
        db.execute("VACUUM")
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
