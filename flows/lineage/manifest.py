"""The row manifest of a product: a Parquet file that lists each row's kind and id and the video it
came from.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from touchline.atomic import atomic_file
from touchline.errors import InputError

MANIFEST_VERSION = 1
ROW_KINDS = (  # in the order in which they come of each other
    "file", "video", "label", "speech", "split", "frames", "clip", "caption", "question",
    "trajectory", "verdict", "lesson", "rollout", "answer", "page",
)  # fmt: skip
MANIFEST_SCHEMA = pa.schema(
    [
        ("kind", pa.string()),
        ("id", pa.string()),
        ("parent", pa.string()),  # id of the row that it came of
        ("unit", pa.string()),  # id of its video; of its match, where it is of no single video
        ("match", pa.string()),  # "" for a file that several matches share
        ("author", pa.string()),
        ("split", pa.string()),
        ("task", pa.string()),
        ("file", pa.string()),  # of the product: where the row stands
        ("sha256", pa.string()),  # of a video's file
    ]
)


@dataclass(frozen=True)
class ProductVersion:
    """A version of a product, identified by path and DVC's md5. `origin` distinguishes versions
    with equal bytes that were made from different rows.
    """

    path: str  # in the project: data/clips
    md5: str  # DVC's digest
    origin: str = ""

    @property
    def name(self) -> str:
        return Path(self.path).name

    @property
    def key(self) -> str:
        return f"{self.md5}{self.origin and '-'}{self.origin}"


def write_row_manifest(folder: Path, product: ProductVersion, rows: pa.Table) -> Path:
    """Write the manifest to `folder/NAME/KEY.parquet` and return that path."""
    metadata = {"version": str(MANIFEST_VERSION), "path": product.path, "key": product.key}
    file = folder / product.name / f"{product.key}.parquet"
    with atomic_file(file) as draft:
        pq.write_table(rows.replace_schema_metadata(metadata), draft, compression="zstd")
    return file


def read_row_manifest(folder: Path, product: ProductVersion) -> pa.Table | None:
    """The manifest rows of a product, or None if there is no manifest. Raises `InputError` if the
    file was written by a newer Touchline or is not a manifest.
    """
    file = folder / product.name / f"{product.key}.parquet"
    if not file.is_file():
        return None
    try:
        metadata = pq.read_schema(file).metadata or {}
        version = int(metadata.get(b"version", b"0"))
        if version > MANIFEST_VERSION:
            problem = f"is a manifest of version {version}, this Touchline knows {MANIFEST_VERSION}"
            raise InputError(file, problem, "update Touchline, or remove the file: it is made anew")
        return pq.read_table(file, schema=MANIFEST_SCHEMA)
    except (pa.ArrowException, OSError) as error:
        problem = f"is not a manifest ({' '.join(str(error).split())[:100]})"
        raise InputError(file, problem, "remove it: it is made anew") from None


def join_manifest_rows(parts: Sequence[pa.Table]) -> pa.Table:
    """Concatenate tables of manifest rows; an empty table for an empty list."""
    return pa.concat_tables(parts) if parts else MANIFEST_SCHEMA.empty_table()
