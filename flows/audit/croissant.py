"""Croissant 1.0 metadata of a dataset version: its Parquet files by DVC's digest, its columns."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from flows.audit.facts import tables

CONTEXT: dict[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "cr": "http://mlcommons.org/croissant/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "extract": "cr:extract",
    "field": "cr:field",
    "fileObject": "cr:fileObject",
    "fileProperty": "cr:fileProperty",
    "fileSet": "cr:fileSet",
    "md5": "cr:md5",
    "recordSet": "cr:recordSet",
    "repeated": "cr:repeated",
    "sc": "https://schema.org/",
    "source": "cr:source",
}
TYPES = (
    (pa.types.is_boolean, "sc:Boolean"),
    (pa.types.is_integer, "sc:Integer"),
    (pa.types.is_floating, "sc:Float"),
    (pa.types.is_binary, "sc:ImageObject"),  # the only bytes in our tables are pictures
)


def describe(
    name: str, about: str, version: str, product: Path, digests: Mapping[str, str], made: str
) -> dict[str, Any]:
    """The metadata; `digests` gives the MD5 of each file by its path in the product."""
    found = [(path.relative_to(product).as_posix(), path) for path in tables(product)]
    files = {file: (f"file-{number}", path) for number, (file, path) in enumerate(found)}
    kept = {file: both for file, both in files.items() if file in digests}
    return {
        "@context": CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": "http://mlcommons.org/croissant/1.0",
        "name": name,
        "description": about or f"A product of a Touchline run: {name}",
        "version": version,
        "license": _licences(product),
        "url": f"urn:dvc:md5:{version}",
        "datePublished": made,
        "distribution": [_file(id, file, digests[file]) for file, (id, _) in kept.items()],
        "recordSet": _records(kept),
    }


def _file(id: str, file: str, md5: str) -> dict[str, str]:
    return {
        "@type": "cr:FileObject",
        "@id": id,
        "name": file,
        "contentUrl": file,
        "encodingFormat": "application/vnd.apache.parquet",
        "md5": md5,
    }


def _records(files: Mapping[str, tuple[str, Path]]) -> list[dict[str, Any]]:
    """A record set per file; of files that are alike, only the first."""
    seen: list[pa.Schema] = []
    told = []
    for file, (id, path) in files.items():
        columns = pq.read_schema(path)
        if not any(columns.equals(one) for one in seen):
            seen.append(columns)
            set_id = Path(file).stem.replace(" ", "-")
            fields = [_field(f"{set_id}/{column.name}", id, column) for column in columns]
            told.append({"@type": "cr:RecordSet", "@id": set_id, "name": set_id, "field": fields})
    return told


def _field(id: str, file: str, column: pa.Field) -> dict[str, Any]:
    inner = column.type.value_type if pa.types.is_list(column.type) else column.type
    kind = next((name for fits, name in TYPES if fits(inner)), "sc:Text")
    source = {"fileObject": {"@id": file}, "extract": {"column": column.name}}
    told = {"@type": "cr:Field", "@id": id, "name": column.name, "dataType": kind}
    repeated = {"repeated": True} if pa.types.is_list(column.type) else {}
    return {**told, **repeated, "source": source}


def _licences(product: Path) -> str:
    """Of the sources whose content it holds."""
    said = product / "terms.json"
    if not said.is_file():
        return "not stated"
    sources = json.loads(said.read_text(encoding="utf-8"))["sources"]
    return "; ".join(f"{name}: {one['licence']} ({one['terms']})" for name, one in sources.items())
