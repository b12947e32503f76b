"""The record manifest of a product: which rows it holds, and of which video each of them came."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from touchline.atomic import whole_file
from touchline.errors import BadInput

VERSION = 1
KINDS = (  # in the order in which they come of each other
    "file", "video", "label", "speech", "split", "frames", "clip", "caption", "question",
    "trajectory", "verdict", "lesson", "rollout", "answer", "page",
)  # fmt: skip
SHAPE = pa.schema(
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
class Product:
    """A version of a product; `origin` tells apart equal bytes that came of unlike rows."""

    path: str  # in the project: data/clips
    md5: str  # DVC's digest
    origin: str = ""

    @property
    def name(self) -> str:
        return Path(self.path).name

    @property
    def key(self) -> str:
        return f"{self.md5}{self.origin and '-'}{self.origin}"


def write(folder: Path, product: Product, rows: pa.Table) -> Path:
    """Write the manifest below `folder`, named by what it is of."""
    said = {"version": str(VERSION), "path": product.path, "key": product.key}
    file = folder / product.name / f"{product.key}.parquet"
    with whole_file(file) as draft:
        pq.write_table(rows.replace_schema_metadata(said), draft, compression="zstd")
    return file


def read(folder: Path, product: Product) -> pa.Table | None:
    """The rows of a product, None where there is no manifest of it.

    Raises `BadInput` for one that a newer Touchline wrote, or that is no manifest at all.
    """
    file = folder / product.name / f"{product.key}.parquet"
    if not file.is_file():
        return None
    try:
        said = pq.read_schema(file).metadata or {}
        version = int(said.get(b"version", b"0"))
        if version > VERSION:
            wrong = f"is a manifest of version {version}, this Touchline knows {VERSION}"
            raise BadInput(file, wrong, "update Touchline, or remove the file: it is made anew")
        return pq.read_table(file, schema=SHAPE)
    except (pa.ArrowException, OSError) as error:
        wrong = f"is no manifest ({' '.join(str(error).split())[:100]})"
        raise BadInput(file, wrong, "remove it: it is made anew") from None


def joined(parts: Sequence[pa.Table]) -> pa.Table:
    """All rows of a product, in order."""
    return pa.concat_tables(parts) if parts else SHAPE.empty_table()
