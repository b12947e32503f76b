"""`touchline impact`: show everything derived from a match, source or file, and with --apply remove
it.
"""

import argparse
import dataclasses
import hashlib
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from flows.lineage import queries, run_index, verify_removed, withdraw
from flows.lineage.byte_search import SearchTerms
from flows.lineage.extent import LineageExtent, measure_extent
from flows.runs import record, worktree
from flows.runs.show import format_table
from touchline import tombstones
from touchline.errors import InputError

MIB = 2**20


def run_impact(args: argparse.Namespace) -> int:
    """Print the extent of a match, source or file, and remove it with `--apply`. Exit status 1 only
    if traces are left after a removal.
    """
    root = worktree.find_checkout()
    if args.apply and (resume_removal := _interrupted_removal(root, args.what)):
        return resume_removal()
    lineage = run_index.RowIndex(root)
    notes = lineage.index_missing_runs()
    try:
        with lineage.engine.connect() as db:
            scope = queries.find_scope(db, args.what, hash_local_file(args.what))
    except InputError as fault:
        return _report_withdrawn(root, args, fault)
    scope_extent = measure_extent(
        lineage, scope, run_index.load_readable_records(root, []), args.json
    )
    scope_extent.notes = notes
    sys.stdout.write(
        f"{record.format_json(build_impact_json(scope_extent))}\n"
        if args.json
        else format_impact_text(scope_extent)
    )
    if not args.apply:
        return 0
    _confirm(args, scope.name)
    return withdraw.execute_removal(root, withdraw.plan_removal(lineage, scope_extent))


def _interrupted_removal(root: Path, name: str) -> Callable[[], int] | None:
    """A function that finishes an interrupted removal; None if there is none."""
    removal = withdraw.load_interrupted_removal(root, name)
    return None if removal is None else lambda: withdraw.execute_removal(root, removal)


def _report_withdrawn(root: Path, args: argparse.Namespace, fault: InputError) -> int:
    """Report that the name was withdrawn already; with `--apply`, search for traces of it once
    more.
    """
    stones = [
        s
        for s in tombstones.read_tombstones(root / tombstones.TOMBSTONES_FILE)
        if args.what in (s.name, s.id)
    ]
    if not stones:
        raise fault
    tombstone = stones[-1]
    sys.stdout.write(
        f"{tombstone.kind} {tombstone.name}: withdrawn on {tombstone.since} ({tombstone.id})\n"
    )
    if not args.apply:
        return 0
    terms = SearchTerms(
        names=[tombstone.name], files=[*tombstone.files], blocks=[], lines=[], frames=[]
    )
    return 1 if verify_removed.prove_removal(root, terms, tombstone.id) else 0


def _confirm(args: argparse.Namespace, name: str) -> None:
    if args.yes:
        return
    if not sys.stdin.isatty():
        raise InputError("--apply", "is not confirmed", "add --yes")
    if input(f"remove all of {name}? This cannot be undone. Type its name: ") != name:
        raise InputError("--apply", "is not confirmed", "nothing was removed")


def hash_local_file(file_name: str) -> str:
    """sha256 of a local file; an empty string if there is no such file."""
    path = Path(file_name)
    if not path.is_file():
        return ""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def build_impact_json(scope_extent: LineageExtent) -> dict[str, Any]:
    """The whole extent as a dictionary for `--json`."""
    objects = scope_extent.objects
    return {
        "kind": scope_extent.scope.kind,
        "name": scope_extent.scope.name,
        "videos": [unit.name for unit in scope_extent.units],
        "rows": {
            entry.kind: {"newest": entry.rows, "versions": entry.versions, "ids": list(entry.ids)}
            for entry in scope_extent.row_kinds
        },
        "models": [dataclasses.asdict(entry) for entry in scope_extent.models],
        "scores": scope_extent.scores,
        "runs": scope_extent.runs,
        "objects": {
            "count": len(objects.gone),
            "bytes": objects.bytes,
            "with_other_matches": objects.shared,
            "digests": objects.gone,
            "products": [f"{entry.path} {entry.md5}" for entry in objects.products],
        },
        **scope_extent.stores,
        "shared": scope_extent.shared,
        "mlflow": dataclasses.asdict(scope_extent.tracked),
        "cost": {
            "cpu_seconds": scope_extent.cost,
            "total": round(sum(scope_extent.cost.values()), 1),
        },
        "plan": list_removal_steps(scope_extent),
        "notes": scope_extent.notes,
    }


def format_impact_text(scope_extent: LineageExtent) -> str:
    """The extent as text: counts and examples, then the steps of a removal."""
    name = f"{scope_extent.scope.kind} {scope_extent.scope.name}"
    videos = sum(unit.name not in scope_extent.target.matches for unit in scope_extent.units)
    parts = [
        f"{name}: {videos} videos, in {len(scope_extent.runs)} runs\n",
        _format_rows(scope_extent),
    ]
    parts += [
        _format_models(scope_extent),
        _format_scores(scope_extent),
        _format_stores(scope_extent),
    ]
    parts.append("to remove it:\n" + _number_steps(list_removal_steps(scope_extent)))
    parts += [f"note: {note}\n" for note in scope_extent.notes]
    return "\n".join(part for part in parts if part)


def _format_rows(scope_extent: LineageExtent) -> str:
    lines = [("rows", "newest", "versions", "such as")]
    for kind_summary in scope_extent.row_kinds:
        lines.append(
            (
                kind_summary.kind,
                str(kind_summary.rows),
                str(kind_summary.versions),
                ", ".join(kind_summary.ids[:2]),
            )
        )
    return format_table(lines)


def _format_models(scope_extent: LineageExtent) -> str:
    lines = [("model", "digest", "rows it learnt from", "runs")]
    for trained in scope_extent.models:
        learnt = ", ".join(f"{count} {kind}s" for kind, count in trained.rows.items())
        lines.append((trained.path, trained.md5, learnt, _format_runs(trained.runs)))
    return format_table(lines) if scope_extent.models else "no model was trained on it\n"


def _format_scores(scope_extent: LineageExtent) -> str:
    lines = [("scored with it", "candidates", "figures")]
    for run, candidates in scope_extent.scores.items():
        figures = sum(len(m) for tasks in candidates.values() for m in tasks.values())
        lines.append((run, str(len(candidates)), str(figures)))
    return format_table(lines) if scope_extent.scores else ""


def _format_stores(scope_extent: LineageExtent) -> str:
    objects, store_contents = scope_extent.objects, scope_extent.stores
    lines = [
        ("kept of it", ""),
        (
            "objects of DVC's cache",
            f"{len(objects.gone)}, {objects.bytes / MIB:.1f} MiB; {objects.shared} of them"
            " with rows of other matches",
        ),
        ("training checkpoints", f"{len(store_contents['checkpoints'])}"),
        (
            "remembered answers",
            f"{store_contents['answers']['here']}, and "
            f"{store_contents['answers']['unknown']} of matches unknown",
        ),
        ("replies of endpoints", f"{sum(store_contents['replies'].values())}"),
        ("highlights", f"{len(store_contents['highlights'])} files"),
        ("nights", f"{len(store_contents['nights'])} tables of answers and benchmarks"),
        ("MLflow", _format_mlflow(scope_extent)),
    ]
    return format_table(lines)


def _format_mlflow(scope_extent: LineageExtent) -> str:
    mlflow_entries = scope_extent.tracked
    counts = {
        "runs": mlflow_entries.runs,
        "models": mlflow_entries.models,
        "versions": mlflow_entries.versions,
    }
    counts["artifacts"] = mlflow_entries.artifacts
    return ", ".join(f"{len(ids)} {name}" for name, ids in counts.items())


def list_removal_steps(scope_extent: LineageExtent) -> list[str]:
    """Sentences for the steps of a removal and the CPU time of the retraining after it."""
    name, objects = scope_extent.scope.name, scope_extent.objects
    store_contents, total_cost = scope_extent.stores, sum(scope_extent.cost.values())
    places = " and from ".join(["DVC's cache", *scope_extent.shared])
    steps = [
        f"write {name} into tombstones.yaml and commit it: no download lets it in again",
        f"remove {len(objects.gone)} objects ({objects.bytes / MIB:.1f} MiB) from {places};"
        f" {objects.shared} of them hold rows of other matches as well, so"
        f" {len(scope_extent.runs)} runs can no longer be restored whole",
        f"remove {len(store_contents['checkpoints'])} checkpoints, "
        f"{sum(store_contents['answers'].values())} remembered"
        f" answers, {sum(store_contents['replies'].values())} replies, "
        f"{len(store_contents['highlights'])} files of"
        f" highlights, {len(store_contents['nights'])} of nights, and its products below data/",
        f"mark {len(scope_extent.runs)} runs and {len(scope_extent.models)} models as "
        "withdrawn, here and in"
        " MLflow",
        "look through every file for what is left of it, and print the proof",
    ]
    if scope_extent.cost:
        stages = ", ".join(f"{stage} {spent:.0f}" for stage, spent in scope_extent.cost.items())
        steps.append(f"`make retrain`: {total_cost:.0f} CPU s, as last recorded ({stages})")
    return steps


def _number_steps(steps: list[str]) -> str:
    return "".join(f"  {number}. {step}\n" for number, step in enumerate(steps, 1))


def _format_runs(names: tuple[str, ...]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
