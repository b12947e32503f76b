"""Search files for traces of a video: its bytes, its stored frames, its commentary, its names.

Every file is searched as raw bytes, which covers text, JSON and SQLite including deleted pages.
Parquet files are compressed, so they are also read column by column. Archives are not unpacked.
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

BLOCK_BYTES = 64  # bytes of a video that are looked for within other files
BLOCKS_PER_VIDEO = 4  # of each video
MIN_LINE_LENGTH = 24  # letters from which a line of commentary may be looked for
MAX_LINES = 200  # such lines, at most
NAME_LABEL = "its name"
NAME_CONTINUES = re.compile(rb"[A-Za-z0-9_-]")  # behind a name: it is another, longer one
SQLITE_MAGIC = b"SQLite format 3\0"


class SearchTerms(BaseModel):
    """What to search for: names, sha256 of files and JPEG frames, byte blocks (hex) and lines of
    commentary. It quotes the match itself, so it is deleted at the end of a removal.
    """

    names: list[str]
    files: list[str]  # sha256 of whole files
    blocks: list[str]  # hex
    lines: list[str]
    frames: list[str]  # sha256 of JPEGs

    def needles(self) -> dict[bytes, str]:
        """Map byte strings to a label of what they are. Texts are also included in their JSON, URL
        and HTML escaped forms.
        """
        labels = {bytes.fromhex(block): "bytes of the video" for block in self.blocks}
        for label, texts in ((NAME_LABEL, self.names), ("its commentary", self.lines)):
            for text in texts:
                forms = {text, json.dumps(text)[1:-1], quote(text), html.escape(text)}
                labels |= {form.encode(): label for form in forms}
        return labels


def collect_search_terms(
    names: Iterable[str], videos: Iterable[Path], frames: Iterable[Path], speech: pa.Table
):
    """Collect the `SearchTerms` of the videos called `names` from their files, their frame stores
    and `speech`, a table with the columns `video` and `text` of all commentary.
    """
    own_names = sorted(set(names))
    file_digests, blocks = [], list[str]()
    for file in videos:
        with file.open("rb") as stream, mmap(stream.fileno(), 0, access=ACCESS_READ) as data:
            file_digests.append(hashlib.sha256(data).hexdigest())
            step = len(data) // (BLOCKS_PER_VIDEO + 1)
            pieces = [
                data[step * n : step * n + BLOCK_BYTES] for n in range(1, BLOCKS_PER_VIDEO + 1)
            ]
        blocks += [piece.hex() for piece in pieces if len(set(piece)) > BLOCK_BYTES // 4]
    jpegs = [digest for file in frames for digest in _jpeg_digests(pq.ParquetFile(file))]
    return SearchTerms(
        names=own_names,
        files=file_digests,
        blocks=blocks,
        lines=_distinctive_lines(own_names, speech),
        frames=jpegs,
    )


def _distinctive_lines(names: list[str], speech: pa.Table) -> list[str]:
    """Long commentary lines that occur in no other video; at most MAX_LINES."""
    is_own = pc.is_in(speech["video"], value_set=pa.array(names, pa.string()))
    other_lines = set(speech.filter(pc.invert(is_own))["text"].to_pylist())
    lines = dict.fromkeys(speech.filter(is_own)["text"].to_pylist())
    return [line for line in lines if len(line) >= MIN_LINE_LENGTH and line not in other_lines][
        :MAX_LINES
    ]


def search_file_for_traces(
    file: Path, terms: SearchTerms, needles: Mapping[bytes, str]
) -> set[str]:
    """Labels of the traces found in a file; an empty set if there are none."""
    if not file.stat().st_size:
        return set()
    with file.open("rb") as stream, mmap(stream.fileno(), 0, access=ACCESS_READ) as data:
        traces, head = search_bytes_for_traces(data, needles), data[: len(SQLITE_MAGIC)]
        if terms.files and hashlib.sha256(data).hexdigest() in terms.files:
            traces.add("the video")
    if head[:4] == b"PAR1":
        traces |= _search_parquet(file, set(terms.frames), needles)
    if head == SQLITE_MAGIC:
        traces |= _search_database(file, needles)
    return traces


def search_bytes_for_traces(data: bytes | mmap, needles: Mapping[bytes, str]) -> set[str]:
    """Labels of the needles that occur in `data`. A name matches only as a whole: `a/1` does not
    match in `a/10`.
    """
    return {
        label
        for needle, label in needles.items()
        if _contains_needle(data, needle, label == NAME_LABEL)
    }


def _contains_needle(data: bytes | mmap, needle: bytes, whole: bool) -> bool:
    at = data.find(needle)
    while whole and at >= 0 and NAME_CONTINUES.match(data, at + len(needle)):
        at = data.find(needle, at + 1)
    return at >= 0


def redact_needles(data: bytes, needles: Mapping[bytes, str], replacement: bytes) -> bytes:
    """`data` with every needle replaced by `replacement`, longest needles first."""
    for needle in sorted(needles, key=len, reverse=True):
        tail = b"(?![A-Za-z0-9_-])" if needles[needle] == NAME_LABEL else b""
        data = re.sub(re.escape(needle) + tail, lambda _: replacement, data)
    return data


def _search_database(file: Path, needles: Mapping[bytes, str]) -> set[str]:
    """Search an SQLite file value by value. In a raw page the next value follows a name directly,
    so a name could look longer than it is.
    """
    traces: set[str] = set()
    with schema.open_read_only(file) as db:
        for table, column in list_database_columns(db):
            for needle, label in needles.items():
                query = f'SELECT "{column}" FROM "{table}" WHERE instr("{column}", ?)'
                rows = db.execute(query, (needle.decode(),)) if label == NAME_LABEL else ()
                if any(
                    isinstance(v, str) and search_bytes_for_traces(v.encode(), {needle: label})
                    for (v,) in rows
                ):
                    traces.add(label)
    return traces


def list_database_columns(db: sqlite3.Connection) -> list[tuple[str, str]]:
    """(table, column) pairs of an SQLite database, including tables without rowid."""
    tables = [row[0] for row in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    return [(t, row[1]) for t in tables for row in db.execute(f'PRAGMA table_info("{t}")')]


def _search_parquet(file: Path, frames: set[str], needles: Mapping[bytes, str]) -> set[str]:
    try:
        parquet_file = pq.ParquetFile(file)
    except (pa.ArrowException, OSError):  # the beginning of one: nobody can read it either
        return set()
    traces = {"a frame"} if frames and not frames.isdisjoint(_jpeg_digests(parquet_file)) else set()
    for group in range(parquet_file.num_row_groups):
        for text in _column_texts(parquet_file.read_row_group(group)):
            data = text.encode("utf-8", "surrogatepass")
            traces |= search_bytes_for_traces(data, needles)
    return traces


def _column_texts(table: pa.Table) -> Iterator[str]:
    """For each text column, its distinct strings joined by NUL characters."""
    for column in table.columns:
        while pa.types.is_list(column.type):
            column = pc.list_flatten(column)
        if pa.types.is_dictionary(column.type):
            column = column.cast(pa.string())
        if pa.types.is_string(column.type):
            yield "\0".join(text for text in pc.unique(column).to_pylist() if text)


def _jpeg_digests(file: pq.ParquetFile) -> Iterator[str]:
    """sha256 of each JPEG in a frame store; nothing for any other Parquet file."""
    if "jpeg" not in file.schema_arrow.names:
        return
    for batch in file.iter_batches(columns=["jpeg"]):
        for jpeg in batch["jpeg"]:
            yield hashlib.sha256(jpeg.as_buffer()).hexdigest()
