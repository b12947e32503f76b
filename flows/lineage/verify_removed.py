"""Prove that nothing of a withdrawn video is left: search every file and remove what is found.

Searched are data/, DVC's cache, `.touchline` and shared stores. Git is not searched, since the
tombstone itself names the match.
"""

import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from flows.lineage import shared_stores
from flows.lineage.byte_search import (
    SQLITE_MAGIC,
    SearchTerms,
    list_database_columns,
    redact_needles,
    search_file_for_traces,
)
from flows.runs import dvc_project
from flows.runs.terminal import print_line
from flows.tracking import openlineage
from touchline.atomic import atomic_file
from touchline.progress import ProgressReporter

REPLACEMENT = b"(withdrawn)"
TEXT_SUFFIXES = (".json", ".jsonl", ".log")  # in .touchline: kept, without the words
REMOVAL_FILE = "removal.json"
AUDIT_FOLDER = ".touchline/audit"  # a folder for each
STORE_VARIABLES = (  # variables that put a store of ours outside of the checkout
    "TOUCHLINE_CHECKPOINTS", "TOUCHLINE_REPLIES", "TOUCHLINE_DOWNLOADS", "TOUCHLINE_ARTIFACTS",
)  # fmt: skip
MIB = 2**20


@dataclass
class TraceSearch:
    """Result of one search: the number of files and bytes searched, and for each file with traces
    what they are.
    """

    files: int = 0
    bytes: int = 0
    traces: dict[Path, set[str]] = field(default_factory=dict)


def prove_removal(root: Path, terms: SearchTerms, tombstone_id: str) -> list[str]:
    """Search, remove what is found, search again, and print the proof. Returns sentences about what
    is still left; empty on success.
    """
    first_search = search_local_files(root, terms)
    for file, labels in sorted(first_search.traces.items()):
        print_line(f"found and removed: {_display_path(root, file)} ({', '.join(sorted(labels))})")
        _remove_traces(root, file, terms, tombstone_id)
    last_search = search_local_files(root, terms) if first_search.traces else first_search
    print_line(f"looked for {describe_search_terms(terms)}")
    print_line(
        f"in {last_search.files} files, {last_search.bytes / MIB:.1f} MiB: data/, "
        "DVC's cache, .touchline/"
    )
    remaining_traces = [
        f"{_display_path(root, f)}: {', '.join(sorted(w))}"
        for f, w in sorted(last_search.traces.items())
    ]
    remaining_traces += shared_stores.prove_stores_clean(root, terms)
    for remaining in remaining_traces:
        print_line(f"LEFT: {remaining}")
    print_line(
        f"tombstone {tombstone_id}: "
        f"{'something is left' if remaining_traces else 'no byte is left'}"
    )
    return remaining_traces


def describe_search_terms(terms: SearchTerms) -> str:
    """Describe in numbers what is searched for."""
    counts = {
        "digests of whole files": len(terms.files),
        "pieces of their bytes": len(terms.blocks),
        "digests of stored frames": len(terms.frames),
        "lines of commentary": len(terms.lines),
        "names": len(terms.names),
    }
    return ", ".join(f"{count} {label}" for label, count in counts.items())


def search_local_files(root: Path, terms: SearchTerms) -> TraceSearch:
    """Search every local file once. Links are skipped, because their targets are searched
    themselves.
    """
    result, needles, all_files = TraceSearch(), terms.needles(), list(_files_to_search(root))
    with ProgressReporter("look", len(all_files)) as progress:
        for file in all_files:
            progress.step()
            if not file.is_file():  # gone meanwhile
                continue
            result.files, result.bytes = result.files + 1, result.bytes + file.stat().st_size
            if labels := search_file_for_traces(file, terms, needles):
                result.traces[file] = labels
    return result


def _files_to_search(root: Path) -> Iterator[Path]:
    outside_folders = [Path(os.environ[name]) for name in STORE_VARIABLES if os.environ.get(name)]
    folders = [root / "data", dvc_project.read_cache_dir(root).resolve(), root / ".touchline"]
    for place in [
        *folders,
        *(
            outside_folder
            for outside_folder in outside_folders
            if not outside_folder.is_relative_to(root / ".touchline")
        ),
    ]:
        for path in sorted(place.rglob("*")):
            if path.is_file() and not path.is_symlink() and path.name != REMOVAL_FILE:
                yield path


def _remove_traces(root: Path, file: Path, terms: SearchTerms, tombstone_id: str) -> None:
    """Remove the traces in one file: redact records, logs and databases in `.touchline`, delete
    anything else.

    The event chain records its redaction. An audit folder is deleted as a whole, because its hashes
    would no longer match.
    """
    products, audits = (
        (root / "data", dvc_project.read_cache_dir(root).resolve()),
        root / AUDIT_FOLDER,
    )
    is_own_state = not any(file.is_relative_to(place) for place in products)
    if not file.is_file():
        return
    if file.is_relative_to(audits):
        shutil.rmtree(audits / file.relative_to(audits).parts[0])
    elif file == openlineage.get_events_file(root):
        openlineage.redact_events(
            root, lambda line: redact_needles(line, terms.needles(), REPLACEMENT), tombstone_id
        )
    elif is_own_state and file.suffix in TEXT_SUFFIXES:
        _redact_text(file, terms)
    elif is_own_state and _is_sqlite(file):
        _redact_database(file, terms)
    elif file.name.endswith(("-wal", "-shm")):  # which follow their database
        _compact_sqlite(file.with_name(file.name[:-4]))
    else:
        file.unlink()


def _redact_text(file: Path, terms: SearchTerms) -> None:
    data = redact_needles(file.read_bytes(), terms.needles(), REPLACEMENT)
    with atomic_file(file) as draft:
        draft.write_bytes(data)


def _is_sqlite(file: Path) -> bool:
    with file.open("rb") as stream:
        return stream.read(len(SQLITE_MAGIC)) == SQLITE_MAGIC


def _redact_database(file: Path, terms: SearchTerms) -> None:
    """Replace the needles in every text value, then rewrite the file so that no old
    page remains.
    """
    needles = terms.needles()

    def redact_value(text: Any) -> Any:
        is_text = isinstance(text, str)
        return redact_needles(text.encode(), needles, REPLACEMENT).decode() if is_text else text

    with closing(sqlite3.connect(file, timeout=60)) as db:
        db.create_function("blot", 1, redact_value, deterministic=True)
        for table, column in list_database_columns(db):
            condition = f'typeof("{column}") = \'text\' AND blot("{column}") <> "{column}"'
            with db:
                db.execute(f'UPDATE "{table}" SET "{column}" = blot("{column}") WHERE {condition}')
    _compact_sqlite(file)


def _compact_sqlite(file: Path) -> None:
    if file.is_file():
        with closing(sqlite3.connect(file, timeout=60)) as db:
            db.execute("VACUUM")
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _display_path(root: Path, file: Path) -> str:
    return str(file.relative_to(root)) if file.is_relative_to(root) else str(file)
