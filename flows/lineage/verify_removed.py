"""Prove that nothing of a withdrawn video is left: look through every file, remove what turns up.

The data folder, DVC's cache, `.touchline` and the stores that are shared are looked through; git is
not, where the tombstone itself names the match.
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
from flows.lineage.byte_search import DATABASE, Probes, blotted, columns, left_in
from flows.runs import dvc_project
from flows.runs.terminal import say
from flows.tracking import openlineage
from touchline.atomic import whole_file
from touchline.progress import Progress

WITHDRAWN = b"(withdrawn)"
TEXTS = (".json", ".jsonl", ".log")  # in .touchline: kept, without the words
NOTE = "removal.json"
AUDITS = ".touchline/audit"  # a folder for each
ELSEWHERE = (  # variables that put a store of ours outside of the checkout
    "TOUCHLINE_CHECKPOINTS", "TOUCHLINE_REPLIES", "TOUCHLINE_DOWNLOADS", "TOUCHLINE_ARTIFACTS",
)  # fmt: skip
MIB = 2**20


@dataclass
class Look:
    """One look through all files."""

    files: int = 0
    bytes: int = 0
    left: dict[Path, set[str]] = field(default_factory=dict)


def prove(root: Path, sought: Probes, stone: str) -> list[str]:
    """Print the proof; what is still left after the second look, as sentences."""
    first = look(root, sought)
    for file, found in sorted(first.left.items()):
        say(f"found and removed: {_shown(root, file)} ({', '.join(sorted(found))})")
        _clean(root, file, sought, stone)
    last = look(root, sought) if first.left else first
    say(f"looked for {told(sought)}")
    say(f"in {last.files} files, {last.bytes / MIB:.1f} MiB: data/, DVC's cache, .touchline/")
    remains = [f"{_shown(root, f)}: {', '.join(sorted(w))}" for f, w in sorted(last.left.items())]
    remains += shared_stores.prove(root, sought)
    for one in remains:
        say(f"LEFT: {one}")
    say(f"tombstone {stone}: {'something is left' if remains else 'no byte is left'}")
    return remains


def told(sought: Probes) -> str:
    """What is looked for, in numbers."""
    counts = {
        "digests of whole files": len(sought.files),
        "pieces of their bytes": len(sought.blocks),
        "digests of stored frames": len(sought.frames),
        "lines of commentary": len(sought.lines),
        "names": len(sought.names),
    }
    return ", ".join(f"{count} {what}" for what, count in counts.items())


def look(root: Path, sought: Probes) -> Look:
    """Every file once; links are passed over, for what they lead to is looked at itself."""
    found, needles, every = Look(), sought.needles(), list(_files(root))
    with Progress("look", len(every)) as progress:
        for file in every:
            progress.step()
            if not file.is_file():  # gone meanwhile
                continue
            found.files, found.bytes = found.files + 1, found.bytes + file.stat().st_size
            if what := left_in(file, sought, needles):
                found.left[file] = what
    return found


def _files(root: Path) -> Iterator[Path]:
    told = [Path(os.environ[name]) for name in ELSEWHERE if os.environ.get(name)]
    ours = [root / "data", dvc_project.cache(root).resolve(), root / ".touchline"]
    for place in [*ours, *(one for one in told if not one.is_relative_to(root / ".touchline"))]:
        for path in sorted(place.rglob("*")):
            if path.is_file() and not path.is_symlink() and path.name != NOTE:
                yield path


def _clean(root: Path, file: Path, sought: Probes, stone: str) -> None:
    """Records, logs and databases lose the words, anything else goes.

    The chain of events says what it lost; an audit would no longer hold, so all of it goes.
    """
    products, audits = (root / "data", dvc_project.cache(root).resolve()), root / AUDITS
    ours = not any(file.is_relative_to(place) for place in products)
    if not file.is_file():
        return
    if file.is_relative_to(audits):
        shutil.rmtree(audits / file.relative_to(audits).parts[0])
    elif file == openlineage.file(root):
        openlineage.blot(root, lambda line: blotted(line, sought.needles(), WITHDRAWN), stone)
    elif ours and file.suffix in TEXTS:
        _blot_text(file, sought)
    elif ours and _database(file):
        _blot_database(file, sought)
    elif file.name.endswith(("-wal", "-shm")):  # which follow their database
        _compact(file.with_name(file.name[:-4]))
    else:
        file.unlink()


def _blot_text(file: Path, sought: Probes) -> None:
    data = blotted(file.read_bytes(), sought.needles(), WITHDRAWN)
    with whole_file(file) as draft:
        draft.write_bytes(data)


def _database(file: Path) -> bool:
    with file.open("rb") as opened:
        return opened.read(len(DATABASE)) == DATABASE


def _blot_database(file: Path, sought: Probes) -> None:
    """Replace the words in every text, then write the file anew: no old page stays."""
    needles = sought.needles()

    def blot(text: Any) -> Any:
        known = isinstance(text, str)
        return blotted(text.encode(), needles, WITHDRAWN).decode() if known else text

    with closing(sqlite3.connect(file, timeout=60)) as db:
        db.create_function("blot", 1, blot, deterministic=True)
        for table, column in columns(db):
            which = f'typeof("{column}") = \'text\' AND blot("{column}") <> "{column}"'
            with db:
                db.execute(f'UPDATE "{table}" SET "{column}" = blot("{column}") WHERE {which}')
    _compact(file)


def _compact(file: Path) -> None:
    if file.is_file():
        with closing(sqlite3.connect(file, timeout=60)) as db:
            db.execute("VACUUM")
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _shown(root: Path, file: Path) -> str:
    return str(file.relative_to(root)) if file.is_relative_to(root) else str(file)
