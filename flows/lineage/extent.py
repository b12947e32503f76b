"""The extent of a match: products, models, scores, cached objects and stores that hold something of
it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from flows.lineage import derive_rows, indexing, mlflow_marks, other_stores, queries, shared_stores
from flows.lineage.manifest import ProductVersion
from flows.lineage.mlflow_marks import MlflowEntries
from flows.lineage.other_stores import RemovalTarget
from flows.lineage.queries import LineageScope, ProductRowCount
from flows.lineage.run_index import RowIndex
from flows.runs import show
from flows.runs.record import RunRecord
from flows.store import dvc_cache
from touchline.errors import InputError

TRAINING_KINDS = ("lesson", "rollout")  # kinds of rows that moved a model's weights
MAX_EXAMPLES = 3


@dataclass(frozen=True)
class RowKindSummary:
    """Summary of one kind of row: the count in the newest product that has any, the number of
    product versions, and some ids.
    """

    kind: str
    rows: int  # in the newest product that holds any
    versions: int
    product: int  # the newest
    ids: tuple[str, ...]


@dataclass(frozen=True)
class TrainedModel:
    """A model that was trained on rows of the scope."""

    path: str
    md5: str
    rows: dict[str, int]  # lessons and rollouts
    runs: tuple[str, ...]


@dataclass(frozen=True)
class RemovableObjects:
    """Objects of DVC's cache that a removal deletes. `gone` maps md5 to the path of the product;
    `shared` counts those that also hold rows of other matches.
    """

    gone: dict[str, str]  # digest -> path of the product that holds it
    bytes: int
    shared: int  # of those: hold rows of other matches, and are made anew
    products: tuple[ProductVersion, ...]  # which can then no longer be restored


@dataclass
class LineageExtent:
    """Everything that was derived from a scope."""

    scope: LineageScope
    units: list[LineageScope]
    row_kinds: list[RowKindSummary]
    models: list[TrainedModel]
    scores: dict[str, Any]  # run -> candidate -> task -> metric -> {value, low, high, n}
    runs: dict[str, list[str]]  # run -> paths of its products that hold rows of it
    objects: RemovableObjects
    stores: dict[str, Any]
    tracked: MlflowEntries
    shared: list[str]  # addresses of stores that may hold the objects as well
    target: RemovalTarget
    cost: dict[str, float]  # stage -> CPU seconds, as last recorded
    notes: list[str] = field(default_factory=list)


def measure_extent(
    lineage: RowIndex, scope: LineageScope, records: Sequence[RunRecord], all_ids: bool
) -> LineageExtent:
    """Collect the extent of a scope from the row index, the cache and the stores.
    Changes nothing.
    """
    with lineage.engine.connect() as db:
        row_counts, units = (
            queries.list_product_row_counts(db, scope),
            queries.list_scope_units(db, scope),
        )
        holders = queries.map_products_to_runs(db, {share.number for share in row_counts})
        target = _build_removal_target(db, scope, units, row_counts)
        objects = _find_removable_objects(db, lineage.cache, row_counts, units, target.matches)
        kind_summaries = [
            _summarize_kind(db, units, shares, all_ids) for shares in _group_by_kind(row_counts)
        ]
    runs: dict[str, list[str]] = {}
    for share in row_counts:
        for run, _ in holders.get(share.number, []):
            paths = runs.setdefault(run, [])
            paths += [share.product.path] if share.product.path not in paths else []
    touched_runs, models = (
        [item for item in records if item.id in runs],
        _find_trained_models(row_counts, holders),
    )
    return LineageExtent(
        scope=scope,
        units=units,
        row_kinds=kind_summaries,
        models=models,
        scores={r.id: show.get_run_scores(r) for r in touched_runs if "data/answers" in runs[r.id]},
        runs=dict(sorted(runs.items())),
        objects=objects,
        stores=_find_in_stores(lineage.root, target),
        tracked=mlflow_marks.find_mlflow_entries(
            lineage.root, target.md5, {item.md5 for item in models}
        ),
        shared=sorted(shared_stores.list_shared_stores(lineage.root)),
        target=target,
        cost=_stage_costs(touched_runs),
    )


def _group_by_kind(row_counts: Iterable[ProductRowCount]) -> list[list[ProductRowCount]]:
    kinds: dict[str, list[ProductRowCount]] = {}
    for share in row_counts:
        kinds.setdefault(share.kind, []).append(share)
    return list(kinds.values())


def _summarize_kind(
    db: Connection, units: Sequence[LineageScope], shares: list[ProductRowCount], all_ids: bool
) -> RowKindSummary:
    """Product numbers grow with time, so the highest is the newest."""
    newest = max(shares, key=lambda share: share.number)
    ids: dict[str, None] = {}
    for share in shares if all_ids else [newest]:
        for unit in units:
            limit = None if all_ids else MAX_EXAMPLES - len(ids)
            if limit is None or limit > 0:
                ids |= dict.fromkeys(
                    queries.list_row_ids(db, unit, share.number, share.kind, limit)
                )
    return RowKindSummary(newest.kind, newest.rows, len(shares), newest.number, tuple(ids))


def _find_trained_models(
    row_counts: Iterable[ProductRowCount], holders: dict[int, list[tuple[str, str]]]
) -> list[TrainedModel]:
    models: dict[tuple[str, str], TrainedModel] = {}
    for share in row_counts:
        if share.product.name in derive_rows.MODEL_PRODUCTS and share.kind in TRAINING_KINDS:
            key = share.product.path, share.product.md5
            before = models.get(key)
            rows = {**(before.rows if before else {}), share.kind: share.rows}
            runs = dict.fromkeys(before.runs if before else ())
            runs |= dict.fromkeys(run for run, _ in holders.get(share.number, []))
            models[key] = TrainedModel(*key, rows, tuple(runs))
    return list(models.values())


def _build_removal_target(
    db: Connection,
    scope: LineageScope,
    units: Sequence[LineageScope],
    row_counts: Iterable[ProductRowCount],
) -> RemovalTarget:
    return RemovalTarget(
        units=tuple(unit.name for unit in units),
        matches=tuple(queries.list_scope_matches(db, scope)),
        sha256=frozenset(queries.list_video_digests(db, scope)),
        md5=frozenset(share.product.md5 for share in row_counts),
    )


def _exclusive_files(db: Connection, units: Iterable[LineageScope]) -> dict[int, set[str]]:
    """Map each product number to the names of its files that hold only these units."""
    names_by_product: dict[int, set[str]] = {}
    for unit in units:
        for number, name in queries.list_exclusive_files(db, unit):
            names_by_product.setdefault(number, set()).add(name)
    return names_by_product


def _find_removable_objects(
    db: Connection,
    cache: Path,
    row_counts: Iterable[ProductRowCount],
    units: Sequence[LineageScope],
    matches: Sequence[str],
) -> RemovableObjects:
    """For a product with one file per video, the files of these videos; else all its objects that
    no other product shares.
    """
    products_by_number = {share.number: share.product for share in row_counts}
    exclusive_names, video_names = (
        _exclusive_files(db, units),
        _exclusive_files(db, [unit for unit in units if unit.name not in matches]),
    )
    exclusive_objects, mixed_objects = dict[str, str](), dict[str, str]()
    for number, product in products_by_number.items():
        files = _list_product_files(cache, product)
        if product.name in derive_rows.ONE_FILE_PER_VIDEO:
            names = exclusive_names.get(number, set()) & set(files)
            others = {md5 for name, md5 in files.items() if name not in names}
            exclusive_objects |= {
                files[name]: product.path
                for name in names
                if name in video_names.get(number, ()) or files[name] not in others
            }
            exclusive_objects |= {product.md5: product.path}
        else:
            mixed_objects |= dict.fromkeys([product.md5, *files.values()], product.path)
    other_products = {
        p
        for p in indexing.load_product_numbers(db)
        if p.md5 not in {own_product.md5 for own_product in products_by_number.values()}
    }
    kept_objects = {
        md5 for product in other_products for md5 in _list_product_files(cache, product).values()
    } - set(exclusive_objects)
    removable = {
        **{md5: path for md5, path in mixed_objects.items() if md5 not in kept_objects},
        **exclusive_objects,
    }
    object_files = [file for md5 in removable if (file := _object_path(cache, md5)).is_file()]
    total = sum(file.stat().st_size for file in object_files)
    products = tuple(dict.fromkeys(products_by_number.values()))
    return RemovableObjects(
        removable, total, len(set(removable) - set(exclusive_objects)), products
    )


def _list_product_files(cache: Path, product: ProductVersion) -> dict[str, str]:
    """Map paths in the product to md5; empty if the cache does not have it."""
    try:
        return dvc_cache.read_folder_listing(cache, product.md5, product.path)
    except InputError:
        return {}


def _object_path(cache: Path, md5: str) -> Path:
    return cache / "files" / "md5" / md5[:2] / md5[2:]


def _find_in_stores(root: Path, target: RemovalTarget) -> dict[str, Any]:
    """What other local stores hold: paths relative to the root, or counts."""

    def below(paths: Iterable[Path]) -> list[str]:
        return [str(p.relative_to(root)) if p.is_relative_to(root) else str(p) for p in paths]

    return {
        "checkpoints": below(other_stores.find_training_checkpoints(root, target)),
        "answers": other_stores.count_cached_answers(root, target),
        "replies": other_stores.count_cached_replies(root, target),
        "highlights": below(other_stores.find_highlight_cache_files(root, target)),
        "nights": below(
            other_stores.find_night_answer_tables(root, target)
            + other_stores.find_night_benchmarks(root, target)
        ),
    }


def _stage_costs(touched_runs: Iterable[RunRecord]) -> dict[str, float]:
    """CPU seconds of each stage when it was last executed in one of these runs."""
    costs: dict[str, float] = {}
    for run in touched_runs:
        for stage, stage_record in run.stages.items():
            if stage_record.state == "Ran":
                costs[stage] = stage_record.cpu_seconds
            else:
                costs.setdefault(stage, 0.0)
    return costs
