"""Croissant 1.0 metadata of a dataset version: its Parquet files with their MD5, and
their columns.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from flows.audit.facts import list_parquet_files

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
DATA_TYPES = (
    (pa.types.is_boolean, "sc:Boolean"),
    (pa.types.is_integer, "sc:Integer"),
    (pa.types.is_floating, "sc:Float"),
    (pa.types.is_binary, "sc:ImageObject"),  # the only bytes in our tables are pictures
)


def build_croissant_metadata(
    name: str,
    about: str,
    version: str,
    product: Path,
    digests: Mapping[str, str],
    date_published: str,
) -> dict[str, Any]:
    """The Croissant metadata as a JSON-LD dict. `digests` gives the MD5 of each file by its path in
    the product; files without one are left out.
    """
    parquet_files = [
        (path.relative_to(product).as_posix(), path) for path in list_parquet_files(product)
    ]
    files = {file: (f"file-{number}", path) for number, (file, path) in enumerate(parquet_files)}
    kept = {file: id_and_path for file, id_and_path in files.items() if file in digests}
    return {
        "@context": CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": "http://mlcommons.org/croissant/1.0",
        "name": name,
        "description": about or f"A product of a Touchline run: {name}",
        "version": version,
        "license": _source_licences(product),
        "url": f"urn:dvc:md5:{version}",
        "datePublished": date_published,
        "distribution": [_file_object(id, file, digests[file]) for file, (id, _) in kept.items()],
        "recordSet": _record_sets(kept),
    }


def _file_object(id: str, file: str, md5: str) -> dict[str, str]:
    return {
        "@type": "cr:FileObject",
        "@id": id,
        "name": file,
        "contentUrl": file,
        "encodingFormat": "application/vnd.apache.parquet",
        "md5": md5,
    }


def _record_sets(files: Mapping[str, tuple[str, Path]]) -> list[dict[str, Any]]:
    """One record set per distinct schema; of files with equal columns only the first."""
    schemas: list[pa.Schema] = []
    record_sets = []
    for file, (id, path) in files.items():
        columns = pq.read_schema(path)
        if not any(columns.equals(schema) for schema in schemas):
            schemas.append(columns)
            set_id = Path(file).stem.replace(" ", "-")
            fields = [_field(f"{set_id}/{column.name}", id, column) for column in columns]
            record_sets.append(
                {"@type": "cr:RecordSet", "@id": set_id, "name": set_id, "field": fields}
            )
    return record_sets


def _field(id: str, file: str, column: pa.Field) -> dict[str, Any]:
    inner = column.type.value_type if pa.types.is_list(column.type) else column.type
    kind = next((name for fits, name in DATA_TYPES if fits(inner)), "sc:Text")
    source = {"fileObject": {"@id": file}, "extract": {"column": column.name}}
    metadata = {"@type": "cr:Field", "@id": id, "name": column.name, "dataType": kind}
    repeated = {"repeated": True} if pa.types.is_list(column.type) else {}
    return {**metadata, **repeated, "source": source}


def _source_licences(product: Path) -> str:
    """The licences of the sources in the product's terms.json."""
    terms_file = product / "terms.json"
    if not terms_file.is_file():
        return "not stated"
    sources = json.loads(terms_file.read_text(encoding="utf-8"))["sources"]
    return "; ".join(
        f"{name}: {source['licence']} ({source['terms']})" for name, source in sources.items()
    )
