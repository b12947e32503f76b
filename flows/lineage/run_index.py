"""Index runs by row: write a manifest per product and enter it in the row index.

`index_finished_run` is called at the end of a run. `RowIndex.index_missing_runs` is called before
each query and also indexes runs of other clones. Problems are returned as sentences; the rest is
indexed.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from pydantic import ValidationError
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from flows.lineage import derive_rows, indexing, manifest, queries, schema
from flows.lineage.manifest import ProductVersion
from flows.runs import dvc_project, record
from flows.runs.record import RunRecord
from flows.store import dvc_cache
from touchline.errors import InputError

CHECKOUT_RUN = "dvc.lock"  # stands for a run where somebody called `dvc repro` by hand


@dataclass(frozen=True)
class RunProducts:
    """The products of one run: {path: (stage, md5)}."""

    id: str
    products: Mapping[str, tuple[str, str]]


@dataclass
class ProductCache:
    """Finds the files of products in DVC's cache by md5, and remembers them."""

    cache: Path
    listed: dict[str, dict[str, Path]] = field(default_factory=dict)

    def files(self, md5: str, label: str) -> dict[str, Path]:
        """Map paths in the product to cached objects. Raises `InputError` if one is missing."""
        if md5 not in self.listed:
            listing = (
                dvc_cache.read_folder_listing(self.cache, md5, label)
                if md5.endswith(".dir")
                else {}
            )
            paths = {
                name: dvc_cache.locate_cached_object(self.cache, digest, label)
                for name, digest in listing.items()
            }
            self.listed[md5] = paths
        return self.listed[md5]

    def available_files(self, product: ProductVersion) -> dict[str, Path]:
        """Like `files`, but an empty dictionary if the cache lacks any of them."""
        try:
            return self.files(product.md5, product.path)
        except InputError:
            return {}


@dataclass
class RowIndex:
    """The row index of a checkout."""

    root: Path

    @cached_property
    def engine(self) -> Engine:
        return schema.open_lineage_database(schema.get_row_index_url(self.root))

    @property
    def folder(self) -> Path:
        return self.root / ".touchline" / "lineage"

    @cached_property
    def cache(self) -> Path:
        return dvc_project.read_cache_dir(self.root)

    def index_missing_runs(self) -> list[str]:
        """Index every run that is not indexed yet. Returns sentences about what could not be
        indexed.
        """
        with self.engine.connect() as db:
            indexed_runs = queries.list_indexed_runs(db) - {CHECKOUT_RUN}
        warnings: list[str] = []
        for run_products in self._unindexed_runs(indexed_runs, warnings):
            warnings += self.index_run(run_products)
        return warnings

    def index_run(self, run_products: RunProducts) -> list[str]:
        """Index the products of one run. Returns sentences about those that could not be read."""
        product_cache, warnings = ProductCache(self.cache), list[str]()
        with self.engine.connect() as db:
            indexed_products = indexing.load_product_numbers(db)
        stage_products: list[tuple[str, int]] = []
        for path, (stage, md5) in run_products.products.items():
            name = Path(path).name
            if name not in derive_rows.ROW_RULES or path != f"data/{name}":
                continue
            product = ProductVersion(path, md5, _origin_digest(name, run_products))
            try:
                number = indexed_products.get(product) or self._index_product(
                    product, run_products, product_cache
                )
            except InputError as fault:
                warnings.append(f"run {run_products.id}: {fault}")
                continue
            stage_products.append((stage, number))
        indexing.record_run_products(
            self.engine, run_products.id, stage_products, whole=not warnings
        )
        return warnings

    def _index_product(
        self, product: ProductVersion, run_products: RunProducts, product_cache: ProductCache
    ) -> int:
        """Index a product from its manifest, which is derived and written first if missing."""
        rows = manifest.read_row_manifest(self.folder, product)
        if rows is None:
            label = f"{product.path} of run {run_products.id}"
            files = product_cache.files(product.md5, label)
            rows = derive_rows.derive_product_rows(
                product.name, files, self._source_files(product, run_products, product_cache)
            )
            manifest.write_row_manifest(self.folder, product, rows)
        return indexing.index_product_rows(self.engine, product, rows)

    def _source_files(
        self, product: ProductVersion, run_products: RunProducts, product_cache: ProductCache
    ) -> derive_rows.RunFiles:
        """Files of other products of the same run that are needed to derive the rows
        of this one.
        """
        source_names = derive_rows.ROW_SOURCES.get(product.name, ())
        run_files = {}
        for name in ("manifest",) if product.name in derive_rows.NEEDS_MANIFEST else source_names:
            _, md5 = run_products.products.get(f"data/{name}", ("", ""))
            if md5:
                run_files[name] = product_cache.files(md5, f"data/{name} of run {run_products.id}")
        return run_files

    def _unindexed_runs(self, indexed_runs: set[str], warnings: list[str]) -> Iterator[RunProducts]:
        """Runs that are not indexed, oldest first, then products made by calling `dvc repro`
        directly.
        """
        recorded_versions: set[tuple[str, str]] = set()
        for run_record in load_readable_records(self.root, warnings):
            run_products = collect_run_products(run_record)
            recorded_versions |= {(path, md5) for path, (_, md5) in run_products.products.items()}
            if run_record.id not in indexed_runs and run_record.state != "running":
                yield run_products
        checkout_products = {
            file.path: (stage, file.md5)
            for stage, files in dvc_project.read_lock_products(self.root).items()
            for file in files
        }
        if {(path, md5) for path, (_, md5) in checkout_products.items()} - recorded_versions:
            yield RunProducts(CHECKOUT_RUN, checkout_products)


def index_finished_run(root: Path, run: RunRecord) -> list[str]:
    """Index a run that has just ended. Errors are returned as sentences, so that they cannot fail
    the run.
    """
    try:
        return RowIndex(root).index_run(collect_run_products(run))
    except InputError as fault:
        return [str(fault)]
    except SQLAlchemyError as error:  # the border to the database
        return [
            f"not indexed ({' '.join(str(error).split())[:120]}); `touchline impact` tries again"
        ]


def collect_run_products(run: RunRecord) -> RunProducts:
    """The products of a run that are not withdrawn."""
    products = {
        file.path: (stage, file.md5)
        for stage, stage_record in run.stages.items()
        for file in stage_record.products
        if file.md5 and file.path not in run.withdrawn_paths
    }
    return RunProducts(run.id, products)


def load_readable_records(root: Path, warnings: list[str]) -> list[RunRecord]:
    """All readable run records, oldest first; a sentence about each unreadable one is appended to
    `warnings`.
    """
    texts = dict(record.read_ref_records(root, skip=set()))
    records_by_id: dict[str, RunRecord] = {}
    for id, text in texts.items():
        _add_record(records_by_id, id, text, f"refs/runs/{id}", warnings)
    for file in sorted(record.get_runs_folder(root).glob("*.json")):
        ref_record = records_by_id.pop(file.stem, None)
        _add_record(
            records_by_id, file.stem, file.read_bytes(), str(file.relative_to(root)), warnings
        )
        local_record = records_by_id.get(file.stem)
        if (
            ref_record
            and local_record
            and (ref_record.started, ref_record.commit)
            != (local_record.started, local_record.commit)
        ):
            warnings.append(
                _describe_duplicate_id(file.stem, f"refs/runs/{file.stem}", file.relative_to(root))
            )
            records_by_id[f"{ref_record.id}~refs"] = ref_record.model_copy(
                update={"id": f"{ref_record.id}~refs"}
            )
    return [records_by_id[id] for id in sorted(records_by_id)]


def _add_record(
    records_by_id: dict[str, RunRecord],
    id: str,
    text: str | bytes,
    location: str,
    warnings: list[str],
) -> None:
    try:
        run_record = RunRecord.model_validate_json(text)
    except ValidationError as error:
        problem = f"is not a record of a run ({error.error_count()} faults)"
        warnings.append(str(InputError(location, problem, "move it away")))
        return
    if run_record.id != id:
        warnings.append(
            _describe_duplicate_id(
                run_record.id, f"the run of that id and {location}", "it is passed over"
            )
        )
        return
    records_by_id[id] = run_record


def _describe_duplicate_id(id: str, first: object, second: object) -> str:
    return f"run {id}: two runs claim this id ({first}, {second}); rename one of them"


def _origin_digest(name: str, run_products: RunProducts) -> str:
    """Short digest of the products that this product's rows come from, or an empty string if it has
    rows of its own.
    """
    if name not in derive_rows.ROW_SOURCES:
        return ""
    source_digests = [
        run_products.products.get(f"data/{need}", ("", ""))[1]
        for need in derive_rows.ROW_SOURCES[name]
    ]
    return hashlib.sha256(json.dumps(source_digests).encode()).hexdigest()[:12]
