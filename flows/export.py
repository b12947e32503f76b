"""`touchline export`: a run's model, taken out of the cache by its digest, as a folder to give."""

import argparse
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flows.nightly.benchmark import PRODUCTS, Benchmark, pin
from flows.runs import record, worktree
from flows.runs.record import Record
from flows.store.dvc_cache import cache, restore
from touchline.errors import BadInput

if TYPE_CHECKING:
    from touchline.export.folder import Asked

STAGES = ("sft", "rl")


def offer(actions: Any) -> None:
    """The action and its arguments."""
    one = actions.add_parser("export", help="write a run's model as a Hugging Face folder")
    one.set_defaults(action=run)
    one.add_argument("run", help="id of a run, its beginning, or `latest`")
    one.add_argument("--stage", choices=STAGES, default="rl", help="whose model")
    one.add_argument("-o", "--out", type=Path, required=True, metavar="FOLDER")
    one.add_argument(
        "--no-tasks", action="store_true", help="without the test questions as tasks of lmms-eval"
    )


def run(args: argparse.Namespace) -> int:
    """Exit status 0, or 2 where the model may not or cannot be given away."""
    from touchline.export.card import check
    from touchline.export.folder import export

    root = worktree.root()
    found = record.find(root, args.run)
    with tempfile.TemporaryDirectory() as place:
        model = _restored(root, found, f"data/{args.stage}", Path(place) / args.stage)
        tasks = None if args.no_tasks else asked(root, found, Path(place) / "benchmark")
        export(model, lineage(found, args.stage), args.out, tasks)
    check(args.out)
    sys.stdout.write(f"{args.out}\n")
    return 0


def asked(root: Path, found: Record, place: Path) -> "Asked | None":
    """The run's test questions with their frames; None, and a sentence, where they are not here."""
    try:
        for name in PRODUCTS:
            _restored(root, found, f"data/{name}", place / name)
        pin(place, found.params)
    except BadInput as fault:
        sys.stderr.write(f"no tasks for lmms-eval: {fault}\n")
        return None
    benchmark = Benchmark(place)
    return benchmark.bench, benchmark.evaluate["turn_tokens"]


def lineage(found: Record, stage: str) -> Any:
    """What the record of a run says of its model."""
    from touchline.export.folder import Lineage

    scores = found.stages["evaluate"].metrics if "evaluate" in found.stages else {}
    digests = {file.path: file.md5 for file in found.products}
    return Lineage(
        *(found.id, found.commit, stage, found.params, digests, found.versions), scores=scores
    )


def _restored(root: Path, found: Record, product: str, folder: Path) -> Path:
    """Links to the files of a product in DVC's cache."""
    made = [file.md5 for file in found.products if file.path == product]
    if not made:
        wrong = f"has made no {product}"
        raise BadInput(found.id, wrong, "`touchline show RUN` lists its products")
    return restore(cache(root), made[0], folder, f"{product} of run {found.id}")
