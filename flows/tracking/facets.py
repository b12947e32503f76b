"""What OpenLineage says of a dataset version: DVC's digest, columns, rows, and their fates."""

import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import attr
import pyarrow as pa
import pyarrow.parquet as pq
from openlineage.client import event_v2 as ol
from openlineage.client import facet_v2 as facets
from openlineage.client.generated.base import OutputDatasetFacet

from flows.runs.record import File
from touchline.ledger import SCHEMA, STATES

LEDGER = "ledger.parquet"
SHOWN = 20  # files of a dataset, at most, whose columns are told

Made = facets.output_statistics_output_dataset.OutputStatisticsOutputDatasetFacet
Given = facets.input_statistics_input_dataset.InputStatisticsInputDatasetFacet
Quality = facets.data_quality_metrics_input_dataset.DataQualityMetricsInputDatasetFacet
Column = facets.schema_dataset.SchemaDatasetFacetFields
Tag = facets.tags_dataset.TagsDatasetFacetFields


@attr.define
class Fates(OutputDatasetFacet):
    """What became of the rows of a stage's input."""

    rows: int
    kept: int
    split: int
    dropped: int


def project(root: Path) -> str:
    """The namespace of the jobs."""
    return os.environ.get("OPENLINEAGE_NAMESPACE") or root.name


def namespace(root: Path) -> str:
    """The namespace of the datasets: a DVC project's cache, in which a digest finds the bytes."""
    return f"dvc://{quote(project(root), safe='')}"


def beside(root: Path) -> str:
    """The namespace of what lies in `.touchline` and in no cache."""
    return f"touchline://{quote(project(root), safe='')}"


def read(root: Path, file: File, place: Path) -> ol.InputDataset:
    """A dataset version as a stage's input; `place` is where its files are."""
    tables = _tables(place)
    quality = Quality(columnMetrics={}, rowCount=_rows(tables), bytes=file.size)
    given = Given(rowCount=_rows(tables), size=file.size, fileCount=_files(place))
    told = {"dataQualityMetrics": quality, "inputStatistics": given}
    return ol.InputDataset(
        namespace(root),
        file.path,
        facets=_facets(root, file, tables, ""),
        inputFacets=told if place.exists() else {},
    )


def made(root: Path, file: File, place: Path, by: str, room: str = "") -> ol.OutputDataset:
    """A dataset version as a product; `by` says what makes it, `room` is another namespace."""
    tables = _tables(place)
    size = Made(rowCount=_rows(tables), size=file.size, fileCount=_files(place))
    told: dict[str, Any] = {"outputStatistics": size}
    if fates := ledger(place):
        told["touchline_ledger"] = fates
    known = _facets(root, file, tables, by, room)
    return ol.OutputDataset(room or namespace(root), file.path, facets=known, outputFacets=told)


def named(root: Path, path: str, version: str) -> ol.InputDataset:
    """A dataset version of which nothing but its digest is told."""
    return ol.InputDataset(namespace(root), path, facets={"version": _version(version)})


def ledger(place: Path) -> Fates | None:
    """How many rows of the input met which fate. Not why: a reason may quote what is withheld."""
    file = place / LEDGER
    if not file.is_file() or pq.read_schema(file).names != SCHEMA.names:
        return None
    states = Counter(pq.read_table(file, columns=["state"])["state"].to_pylist())
    return Fates(sum(states.values()), *(states[state] for state in STATES))


def _version(digest: str) -> Any:
    return facets.dataset_version_dataset.DatasetVersionDatasetFacet(datasetVersion=digest)


def _facets(
    root: Path, file: File, tables: Sequence[Path], by: str, room: str = ""
) -> dict[str, Any]:
    store, uri = (".touchline", room) if room else ("DVC cache", namespace(root))
    told: dict[str, Any] = {
        "version": _version(file.md5),
        "dataSource": facets.datasource_dataset.DatasourceDatasetFacet(
            f"{store} of {project(root)}", uri
        ),
    }
    if by:
        told["documentation"] = facets.documentation_dataset.DocumentationDatasetFacet(by)
    if columns := _columns(tables):
        told["schema"] = facets.schema_dataset.SchemaDatasetFacet(fields=columns)
    if file.terms:
        told["tags"] = facets.tags_dataset.TagsDatasetFacet([Tag("terms", file.terms, "touchline")])
    return told


def _tables(place: Path) -> list[Path]:
    """The Parquet files of a product, its ledger apart."""
    if place.is_file():
        return [place] if place.suffix == ".parquet" else []
    return sorted(path for path in place.rglob("*.parquet") if path.name != LEDGER)


def _rows(tables: Sequence[Path]) -> int | None:
    return sum(pq.read_metadata(path).num_rows for path in tables) if tables else None


def _files(place: Path) -> int:
    return 1 if place.is_file() else sum(path.is_file() for path in place.rglob("*"))


def _columns(tables: Sequence[Path]) -> list[Any]:
    """The columns of each file; of files that are alike only the first."""
    seen: list[pa.Schema] = []
    told = []
    for path in tables[:SHOWN]:
        columns = pq.read_schema(path)
        if not any(columns.equals(one) for one in seen):
            seen.append(columns)
            fields = [Column(name=f.name, type=str(f.type)) for f in columns]
            told.append(Column(name=path.stem, type="parquet", fields=fields))
    return told[0].fields if len(told) == 1 and told[0].fields else told
