"""Look for what is left of a video anywhere: its bytes, its frames, its words, its names.

A file is read raw, which tells plain text, JSON and SQLite, deleted pages of it included; a Parquet
file also column by column, for it is compressed. What lies in an archive is not looked into.
"""

import hashlib
import html
import json
import re
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from mmap import ACCESS_READ, mmap
from pathlib import Path
from urllib.parse import quote

import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import BaseModel

from flows.lineage import schema
from flows.lineage.derive_rows import pc

BLOCK = 64  # bytes of a video that are looked for within other files
BLOCKS = 4  # of each video
LONG = 24  # letters from which a line of commentary may be looked for
LINES = 200  # such lines, at most
NAME = "its name"
GOES_ON = re.compile(rb"[A-Za-z0-9_-]")  # behind a name: it is another, longer one
DATABASE = b"SQLite format 3\0"


class Probes(BaseModel):
    """What is looked for; it quotes the match, so it goes with the last byte of it."""

    names: list[str]
    files: list[str]  # sha256 of whole files
    blocks: list[str]  # hex
    lines: list[str]
    frames: list[str]  # sha256 of JPEGs

    def needles(self) -> dict[bytes, str]:
        """Bytes to look for -> what they are; words also as JSON, addresses and pages have them."""
        found = {bytes.fromhex(one): "bytes of the video" for one in self.blocks}
        for what, texts in ((NAME, self.names), ("its commentary", self.lines)):
            for text in texts:
                forms = {text, json.dumps(text)[1:-1], quote(text), html.escape(text)}
                found |= {form.encode(): what for form in forms}
        return found


def probes(names: Iterable[str], videos: Iterable[Path], frames: Iterable[Path], said: pa.Table):
    """Of videos, their frame stores and all lines of commentary (`video`, `text`) of a manifest."""
    mine = sorted(set(names))
    whole, blocks = [], list[str]()
    for file in videos:
        with file.open("rb") as opened, mmap(opened.fileno(), 0, access=ACCESS_READ) as data:
            whole.append(hashlib.sha256(data).hexdigest())
            step = len(data) // (BLOCKS + 1)
            pieces = [data[step * n : step * n + BLOCK] for n in range(1, BLOCKS + 1)]
        blocks += [piece.hex() for piece in pieces if len(set(piece)) > BLOCK // 4]
    jpegs = [one for file in frames for one in _pictures(pq.ParquetFile(file))]
    return Probes(
        names=mine, files=whole, blocks=blocks, lines=_own_lines(mine, said), frames=jpegs
    )


def _own_lines(names: list[str], said: pa.Table) -> list[str]:
    """Long lines that no other video has."""
    ours = pc.is_in(said["video"], value_set=pa.array(names, pa.string()))
    others = set(said.filter(pc.invert(ours))["text"].to_pylist())
    lines = dict.fromkeys(said.filter(ours)["text"].to_pylist())
    return [line for line in lines if len(line) >= LONG and line not in others][:LINES]


def left_in(file: Path, sought: Probes, needles: Mapping[bytes, str]) -> set[str]:
    """What is left of it in a file, in words; nothing for most."""
    if not file.stat().st_size:
        return set()
    with file.open("rb") as opened, mmap(opened.fileno(), 0, access=ACCESS_READ) as data:
        found, head = held(data, needles), data[: len(DATABASE)]
        if sought.files and hashlib.sha256(data).hexdigest() in sought.files:
            found.add("the video")
    if head[:4] == b"PAR1":
        found |= _in_table(file, set(sought.frames), needles)
    if head == DATABASE:
        found |= _in_database(file, needles)
    return found


def held(data: bytes | mmap, needles: Mapping[bytes, str]) -> set[str]:
    """What of it stands in these bytes; `a/1` does not stand in `a/10`."""
    return {what for needle, what in needles.items() if _stands(data, needle, what == NAME)}


def _stands(data: bytes | mmap, needle: bytes, whole: bool) -> bool:
    at = data.find(needle)
    while whole and at >= 0 and GOES_ON.match(data, at + len(needle)):
        at = data.find(needle, at + 1)
    return at >= 0


def blotted(data: bytes, needles: Mapping[bytes, str], put: bytes) -> bytes:
    """The bytes with another word in place of each that is looked for."""
    for needle in sorted(needles, key=len, reverse=True):
        tail = b"(?![A-Za-z0-9_-])" if needles[needle] == NAME else b""
        data = re.sub(re.escape(needle) + tail, lambda _: put, data)
    return data


def _in_database(file: Path, needles: Mapping[bytes, str]) -> set[str]:
    """Value by value: in a page the next one follows a name without a gap."""
    found: set[str] = set()
    with schema.open_read_only(file) as db:
        for table, column in columns(db):
            for needle, what in needles.items():
                ask = f'SELECT "{column}" FROM "{table}" WHERE instr("{column}", ?)'
                rows = db.execute(ask, (needle.decode(),)) if what == NAME else ()
                if any(isinstance(v, str) and held(v.encode(), {needle: what}) for (v,) in rows):
                    found.add(what)
    return found


def columns(db: sqlite3.Connection) -> list[tuple[str, str]]:
    """(table, column) of a database, those without rowid included."""
    tables = [row[0] for row in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    return [(t, row[1]) for t in tables for row in db.execute(f'PRAGMA table_info("{t}")')]


def _in_table(file: Path, frames: set[str], needles: Mapping[bytes, str]) -> set[str]:
    try:
        opened = pq.ParquetFile(file)
    except (pa.ArrowException, OSError):  # the beginning of one: nobody can read it either
        return set()
    found = {"a frame"} if frames and not frames.isdisjoint(_pictures(opened)) else set()
    for group in range(opened.num_row_groups):
        for text in _texts(opened.read_row_group(group)):
            data = text.encode("utf-8", "surrogatepass")
            found |= held(data, needles)
    return found


def _texts(table: pa.Table) -> Iterator[str]:
    """All distinct strings of each column, in one."""
    for column in table.columns:
        while pa.types.is_list(column.type):
            column = pc.list_flatten(column)
        if pa.types.is_dictionary(column.type):
            column = column.cast(pa.string())
        if pa.types.is_string(column.type):
            yield "\0".join(text for text in pc.unique(column).to_pylist() if text)


def _pictures(file: pq.ParquetFile) -> Iterator[str]:
    """sha256 of each JPEG of a frame store."""
    if "jpeg" not in file.schema_arrow.names:
        return
    for batch in file.iter_batches(columns=["jpeg"]):
        for jpeg in batch["jpeg"]:
            yield hashlib.sha256(jpeg.as_buffer()).hexdigest()
