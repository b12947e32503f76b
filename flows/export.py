"""`touchline export`: write a run's model from DVC's cache as a Hugging Face folder."""

import argparse
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flows.nightly.benchmark import PRODUCTS, NightlyBenchmark, write_benchmark_params
from flows.runs import record, worktree
from flows.runs.record import RunRecord
from flows.store.dvc_cache import find_object_cache, restore_product_folder
from touchline.errors import InputError

if TYPE_CHECKING:
    from touchline.export.folder import Asked


def run_export(args: argparse.Namespace) -> int:
    """Export the model of a run. Exit status 0; raises `InputError` if the licence forbids it or
    objects are missing.
    """
    from touchline.export.card import check_model_card
    from touchline.export.folder import export_model_folder

    root = worktree.find_checkout()
    run_record = record.find_run(root, args.run)
    with tempfile.TemporaryDirectory() as scratch:
        model = _restore_product(root, run_record, f"data/{args.stage}", Path(scratch) / args.stage)
        tasks = (
            None
            if args.no_tasks
            else load_test_questions(root, run_record, Path(scratch) / "benchmark")
        )
        export_model_folder(model, build_export_lineage(run_record, args.stage), args.out, tasks)
    check_model_card(args.out)
    sys.stdout.write(f"{args.out}\n")
    return 0


def load_test_questions(root: Path, run_record: RunRecord, folder: Path) -> "Asked | None":
    """The run's test questions with frames, and the token limit of an answer. Prints a note and
    returns None if they are not in the cache.
    """
    try:
        for name in PRODUCTS:
            _restore_product(root, run_record, f"data/{name}", folder / name)
        write_benchmark_params(folder, run_record.params)
    except InputError as fault:
        sys.stderr.write(f"no tasks for lmms-eval: {fault}\n")
        return None
    benchmark = NightlyBenchmark(folder)
    return benchmark.bench, benchmark.evaluate["turn_tokens"]


def build_export_lineage(run_record: RunRecord, stage: str) -> Any:
    """Provenance of a model for the exported folder, from the run's record."""
    from touchline.export.folder import ExportLineage

    scores = run_record.stages["evaluate"].metrics if "evaluate" in run_record.stages else {}
    digests = {file.path: file.md5 for file in run_record.products}
    return ExportLineage(
        run=run_record.id,
        commit=run_record.commit,
        stage=stage,
        params=run_record.params,
        data=digests,
        versions=run_record.versions,
        scores=scores,
    )


def _restore_product(root: Path, run_record: RunRecord, product: str, folder: Path) -> Path:
    """Restore a product as links into DVC's cache."""
    digests = [file.md5 for file in run_record.products if file.path == product]
    if not digests:
        problem = f"has made no {product}"
        raise InputError(run_record.id, problem, "`touchline show RUN` lists its products")
    return restore_product_folder(
        find_object_cache(root), digests[0], folder, f"{product} of run {run_record.id}"
    )
