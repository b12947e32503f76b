"""OpenLineage facets of dataset versions: DVC's digest, columns, row counts and the ledger of
dropped rows.
"""

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

from flows.runs.record import TrackedFile
from touchline.ledger import LEDGER_SCHEMA, LEDGER_STATES

LEDGER_FILE = "ledger.parquet"
MAX_SCHEMA_FILES = 20  # files of a dataset, at most, whose columns are told

OutputStatistics = facets.output_statistics_output_dataset.OutputStatisticsOutputDatasetFacet
InputStatistics = facets.input_statistics_input_dataset.InputStatisticsInputDatasetFacet
DataQuality = facets.data_quality_metrics_input_dataset.DataQualityMetricsInputDatasetFacet
SchemaField = facets.schema_dataset.SchemaDatasetFacetFields
Tag = facets.tags_dataset.TagsDatasetFacetFields


@attr.define
class RowFatesFacet(OutputDatasetFacet):
    """OpenLineage output facet with how many rows of a stage's input were kept, split
    or dropped.
    """

    rows: int
    kept: int
    split: int
    dropped: int


def get_job_namespace(root: Path) -> str:
    """OpenLineage namespace of jobs: `$OPENLINEAGE_NAMESPACE`, else the checkout's folder name."""
    return os.environ.get("OPENLINEAGE_NAMESPACE") or root.name


def get_dataset_namespace(root: Path) -> str:
    """OpenLineage namespace of datasets in the project's DVC cache."""
    return f"dvc://{quote(get_job_namespace(root), safe='')}"


def get_state_namespace(root: Path) -> str:
    """OpenLineage namespace of datasets in `.touchline`, which are in no cache."""
    return f"touchline://{quote(get_job_namespace(root), safe='')}"


def build_input_dataset(root: Path, file: TrackedFile, folder: Path) -> ol.InputDataset:
    """A dataset version as a stage's input; its files are in `folder`."""
    tables = _list_tables(folder)
    quality = DataQuality(columnMetrics={}, rowCount=_count_rows(tables), bytes=file.size)
    statistics = InputStatistics(
        rowCount=_count_rows(tables), size=file.size, fileCount=_count_files(folder)
    )
    input_facets = {"dataQualityMetrics": quality, "inputStatistics": statistics}
    return ol.InputDataset(
        get_dataset_namespace(root),
        file.path,
        facets=_dataset_facets(root, file, tables, ""),
        inputFacets=input_facets if folder.exists() else {},
    )


def build_output_dataset(
    root: Path, file: TrackedFile, folder: Path, description: str, other_namespace: str = ""
) -> ol.OutputDataset:
    """A dataset version as a stage's output. `description` says how it was made; `other_namespace`
    replaces the default namespace.
    """
    tables = _list_tables(folder)
    statistics = OutputStatistics(
        rowCount=_count_rows(tables), size=file.size, fileCount=_count_files(folder)
    )
    output_facets: dict[str, Any] = {"outputStatistics": statistics}
    if fates := count_row_fates(folder):
        output_facets["touchline_ledger"] = fates
    dataset_facets = _dataset_facets(root, file, tables, description, other_namespace)
    return ol.OutputDataset(
        other_namespace or get_dataset_namespace(root),
        file.path,
        facets=dataset_facets,
        outputFacets=output_facets,
    )


def build_dataset_reference(root: Path, path: str, version: str) -> ol.InputDataset:
    """An input dataset with nothing but its path and digest."""
    return ol.InputDataset(
        get_dataset_namespace(root), path, facets={"version": _version_facet(version)}
    )


def count_row_fates(folder: Path) -> RowFatesFacet | None:
    """Count the rows per state in a product's ledger; None if it has none. Reasons are left out,
    because they may quote restricted data.
    """
    file = folder / LEDGER_FILE
    if not file.is_file() or pq.read_schema(file).names != LEDGER_SCHEMA.names:
        return None
    states = Counter(pq.read_table(file, columns=["state"])["state"].to_pylist())
    return RowFatesFacet(sum(states.values()), *(states[state] for state in LEDGER_STATES))


def _version_facet(digest: str) -> Any:
    return facets.dataset_version_dataset.DatasetVersionDatasetFacet(datasetVersion=digest)


def _dataset_facets(
    root: Path,
    file: TrackedFile,
    tables: Sequence[Path],
    description: str,
    other_namespace: str = "",
) -> dict[str, Any]:
    store, uri = (
        (".touchline", other_namespace)
        if other_namespace
        else ("DVC cache", get_dataset_namespace(root))
    )
    dataset_facets: dict[str, Any] = {
        "version": _version_facet(file.md5),
        "dataSource": facets.datasource_dataset.DatasourceDatasetFacet(
            f"{store} of {get_job_namespace(root)}", uri
        ),
    }
    if description:
        dataset_facets["documentation"] = facets.documentation_dataset.DocumentationDatasetFacet(
            description
        )
    if columns := _read_schema_fields(tables):
        dataset_facets["schema"] = facets.schema_dataset.SchemaDatasetFacet(fields=columns)
    if file.terms:
        dataset_facets["tags"] = facets.tags_dataset.TagsDatasetFacet(
            [Tag("terms", file.terms, "touchline")]
        )
    return dataset_facets


def _list_tables(folder: Path) -> list[Path]:
    """The Parquet files of a product, its ledger apart."""
    if folder.is_file():
        return [folder] if folder.suffix == ".parquet" else []
    return sorted(path for path in folder.rglob("*.parquet") if path.name != LEDGER_FILE)


def _count_rows(tables: Sequence[Path]) -> int | None:
    return sum(pq.read_metadata(path).num_rows for path in tables) if tables else None


def _count_files(folder: Path) -> int:
    return 1 if folder.is_file() else sum(path.is_file() for path in folder.rglob("*"))


def _read_schema_fields(tables: Sequence[Path]) -> list[Any]:
    """Schema fields of a product's tables; files with equal columns are listed once."""
    schemas: list[pa.Schema] = []
    table_fields = []
    for path in tables[:MAX_SCHEMA_FILES]:
        columns = pq.read_schema(path)
        if not any(columns.equals(schema) for schema in schemas):
            schemas.append(columns)
            fields = [SchemaField(name=f.name, type=str(f.type)) for f in columns]
            table_fields.append(SchemaField(name=path.stem, type="parquet", fields=fields))
    return (
        table_fields[0].fields
        if len(table_fields) == 1 and table_fields[0].fields
        else table_fields
    )
