"""`touchline impact --apply`: remove a match, leave a tombstone, and prove that nothing is left.

The plan is written to removal.json first. Every step can be repeated, so running the command again
finishes an interrupted removal. The plan is deleted last, because it quotes the match.
"""

import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from subprocess import CalledProcessError
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import BaseModel

from flows.lineage import (
    derive_rows,
    other_stores,
    queries,
    run_index,
    shared_stores,
    verify_removed,
)
from flows.lineage.byte_search import SearchTerms, collect_search_terms, redact_needles
from flows.lineage.extent import LineageExtent
from flows.lineage.indexing import forget_products
from flows.lineage.other_stores import RemovalTarget
from flows.lineage.run_index import RowIndex
from flows.runs import dvc_project, record, worktree
from flows.runs.killed_runs import clean_up_killed_runs
from flows.runs.locks import hold_lock
from flows.runs.terminal import print_line
from touchline.atomic import atomic_file
from touchline.errors import InputError
from touchline.tombstones import TOMBSTONES_FILE, Tombstone, add_tombstone

GIT_NOTES_REF = "withdrawn"  # git notes on the commits of refs/runs


class Removal(BaseModel):
    """The plan of a removal, stored as JSON so that it can be resumed."""

    stone: Tombstone
    units: list[str]
    matches: list[str]
    md5: list[str]  # of products
    paths: list[str]  # of products, below the root
    objects: list[str]
    runs: dict[str, list[str]]
    models: list[str]  # digests
    tracked: dict[str, list[str]]
    probes: SearchTerms
    shared: list[str] = []  # addresses of the stores that it must reach

    @property
    def target(self) -> RemovalTarget:
        return RemovalTarget(
            tuple(self.units),
            tuple(self.matches),
            frozenset(self.stone.files),
            frozenset(self.md5),
        )


def load_interrupted_removal(root: Path, name: str) -> Removal | None:
    """The interrupted removal, or None. Raises `InputError` if it is of something other than
    `name`.
    """
    file = _removal_file(root)
    if not file.is_file():
        return None
    removal = Removal.model_validate_json(file.read_text(encoding="utf-8"))
    if name not in (removal.stone.name, removal.stone.id, *removal.stone.files):
        problem = f"the removal of {removal.stone.name} was interrupted"
        raise InputError(
            name, problem, f"finish it first: touchline impact {removal.stone.name} --apply"
        )
    return removal


def plan_removal(lineage: RowIndex, scope_extent: LineageExtent) -> Removal:
    """Build the plan of a removal and save it, while the data is still there to be read."""
    now, store_databases = (
        datetime.now(UTC).date().isoformat(),
        shared_stores.connect_shared_stores(lineage.root),
    )
    terms, sizes = _collect_removal_terms(lineage, scope_extent)
    tombstone_fields = {
        "kind": scope_extent.scope.kind,
        "name": scope_extent.scope.name,
        "since": now,
        "files": sizes,
    }
    removal = Removal(
        stone=Tombstone.model_validate(tombstone_fields),
        units=[unit.name for unit in scope_extent.units],
        matches=list(scope_extent.target.matches),
        md5=sorted(scope_extent.target.md5),
        paths=sorted({product.path for product in scope_extent.objects.products}),
        objects=sorted(scope_extent.objects.gone),
        runs=scope_extent.runs,
        models=sorted({model.md5 for model in scope_extent.models}),
        tracked={name: list(ids) for name, ids in vars(scope_extent.tracked).items()},
        probes=terms,
        shared=sorted(store_databases),
    )
    with atomic_file(_removal_file(lineage.root)) as draft:
        draft.write_text(removal.model_dump_json(indent=1), encoding="utf-8")
    return removal


def execute_removal(root: Path, removal: Removal) -> int:
    """Execute all steps of a removal. Exit status 0 if nothing is left, else 1."""
    shared_stores.check_stores_named(shared_stores.connect_shared_stores(root), removal.shared)
    steps: list[tuple[str, Callable[[Path, Removal], Any]]] = [
        ("a tombstone", _commit_tombstone),
        ("objects of DVC's cache", _delete_objects),
        ("stores that are shared", _delete_in_stores),
        ("products below data/", _delete_data_products),
        ("checkpoints, answers, replies, highlights, nights", _clear_stores),
        ("records of runs", _mark_records),
        ("MLflow", _mark_mlflow),
        ("the row index", _forget_rows),
    ]
    with hold_lock(root), hold_lock(root, "night"):  # either would bring back what is taken away
        for name, step in steps:
            step(root, removal)
            print_line(f"done: {name}")
        remaining = verify_removed.prove_removal(root, removal.probes, removal.stone.id)
        if not remaining:
            _removal_file(root).unlink()
    return 1 if remaining else 0


def _removal_file(root: Path) -> Path:
    return root / ".touchline" / "removal.json"


def _collect_removal_terms(
    lineage: RowIndex, scope_extent: LineageExtent
) -> tuple[SearchTerms, dict[str, int]]:
    """The terms to search for afterwards, and {sha256: bytes} of the video files."""
    product_cache, names_by_product = run_index.ProductCache(lineage.cache), dict[int, set[str]]()
    names = {unit.name for unit in scope_extent.units}
    with lineage.engine.connect() as db:
        for unit in scope_extent.units:
            if unit.name in scope_extent.target.matches:
                continue  # files beside its videos: those of another match may have the same bytes
            for number, name in queries.list_exclusive_files(db, unit):
                names_by_product.setdefault(number, set()).add(name)
        numbers = {
            share.number: share.product
            for share in queries.list_product_row_counts(db, scope_extent.scope)
        }
    product_files: dict[str, dict[Path, None]] = {
        name: {} for name in ("videos", "frames", "manifest")
    }
    for number, product in numbers.items():
        if product.name in product_files:
            files = product_cache.available_files(product)
            own_names = names_by_product.get(number, set(files) & {"speech.parquet"})
            product_files[product.name] |= dict.fromkeys(
                files[file_name] for file_name in own_names if file_name in files
            )
    videos = [file for file in product_files["videos"] if file.stat().st_size]
    speech_tables = [
        pq.read_table(file, columns=["video", "text"]) for file in product_files["manifest"]
    ]
    terms = collect_search_terms(
        names, videos, product_files["frames"], _join_speech(speech_tables)
    )
    sizes = dict(zip(terms.files, (file.stat().st_size for file in videos), strict=True))
    return terms, sizes


def _join_speech(speech_tables: list[Any]) -> Any:
    shape = pa.schema([("video", pa.string()), ("text", pa.string())])
    return pa.concat_tables(
        [shape.empty_table(), *(speech_table.cast(shape) for speech_table in speech_tables)]
    )


def _commit_tombstone(root: Path, removal: Removal) -> None:
    """Add the tombstone and commit that file alone; other changes stay as they are."""
    add_tombstone(root / TOMBSTONES_FILE, removal.stone)
    if not worktree.run_git(root, "status", "--porcelain", "--", TOMBSTONES_FILE):
        return
    try:
        worktree.run_git(root, "add", "--", TOMBSTONES_FILE)
        message = f"Withdraw {removal.stone.kind} {removal.stone.id}"
        worktree.run_git(root, "commit", "--quiet", "--only", "-m", message, "--", TOMBSTONES_FILE)
    except CalledProcessError as error:
        reason = " ".join((error.stderr or "").split())[:120]
        sys.stderr.write(
            f"note: {TOMBSTONES_FILE} could not be committed ({reason}); commit it yourself\n"
        )


def _delete_objects(root: Path, removal: Removal) -> None:
    """Delete the objects from DVC's cache, and the run cache entries that refer to them."""
    digests, cache = set(removal.objects) | set(removal.md5), dvc_project.read_cache_dir(root)
    for md5 in removal.objects:
        (cache / "files" / "md5" / md5[:2] / md5[2:]).unlink(missing_ok=True)
    for entry in (cache / "runs").glob("*/*/*"):
        if any(md5 in entry.read_text(errors="replace") for md5 in digests):
            entry.unlink()


def _delete_in_stores(root: Path, removal: Removal) -> None:
    """Delete the objects from every shared store and mark the run records there."""
    for url, store in shared_stores.list_shared_stores(root).items():
        count = shared_stores.delete_store_objects(store, url, removal.objects)
        print_line(f"{count} objects removed at {url}")
    shared_stores.mark_store_records(
        removal.runs, removal.stone.id, removal.probes, verify_removed.REPLACEMENT
    )


def _delete_data_products(root: Path, removal: Removal) -> None:
    """Delete the products from data/, and worktrees of killed runs."""
    other_stores.delete_paths([root / path for path in removal.paths])
    clean_up_killed_runs(root)


def _clear_stores(root: Path, removal: Removal) -> None:
    target = removal.target
    for find_paths in (
        other_stores.find_training_checkpoints,
        other_stores.find_highlight_cache_files,
        other_stores.find_night_answer_tables,
    ):
        other_stores.delete_paths(find_paths(root, target))
    other_stores.delete_paths(other_stores.find_night_benchmarks(root, target))
    other_stores.delete_cached_answers(root, target)
    other_stores.delete_cached_replies(root, target)


def _mark_records(root: Path, removal: Removal) -> None:
    """Mark the runs' records as withdrawn in part, locally and in git notes."""
    for run_record in run_index.load_readable_records(root, []):
        if run_record.id in removal.runs:
            run_record.withdrawn[removal.stone.id] = sorted(removal.runs[run_record.id])
            record.write_run_record(root, run_record)
            _add_git_note(root, run_record.id, removal.stone)


def _add_git_note(root: Path, id: str, tombstone: Tombstone) -> None:
    """Add a git note to the commit of a run's ref, if it has one."""
    commit = worktree.run_git(root, "for-each-ref", "--format=%(objectname)", f"refs/runs/{id}")
    if not commit.strip():
        return
    message = f"Withdrawn in part on {tombstone.since}, tombstone {tombstone.id}"
    env = {f"GIT_{role}_{field}": "touchline@localhost" for role in ("AUTHOR", "COMMITTER")
           for field in ("NAME", "EMAIL")}  # fmt: skip
    arguments = ("notes", f"--ref={GIT_NOTES_REF}", "add", "-f", "-m", message, commit.strip())
    worktree.run_git(root, *arguments, env=env)


def _mark_mlflow(root: Path, removal: Removal) -> None:
    if not any(removal.tracked.values()):
        return
    from flows.lineage import mlflow_marks

    def redact_text(text: str) -> str:
        return redact_needles(
            text.encode(), removal.probes.needles(), verify_removed.REPLACEMENT
        ).decode()

    message = f"{removal.stone.since}, tombstone {removal.stone.id}"
    mlflow_marks.mark_withdrawn_in_mlflow(
        root, removal.tracked, removal.models, message, redact_text
    )


def _forget_rows(root: Path, removal: Removal) -> None:
    lineage = RowIndex(root)
    forget_products(lineage.engine, removal.md5, removal.units, removal.matches)
    for name in derive_rows.ROW_RULES:
        for md5 in removal.md5:
            other_stores.delete_paths(list((lineage.folder / name).glob(f"{md5}*.parquet")))
