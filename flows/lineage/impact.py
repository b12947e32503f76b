"""`touchline impact`: what came of a match, a source or a file, and what its removal would take."""

import argparse
import dataclasses
import hashlib
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from flows.lineage import queries, run_index, verify_removed, withdraw
from flows.lineage.byte_search import Probes
from flows.lineage.extent import Reach, reach
from flows.runs import record, worktree
from flows.runs.show import table
from touchline import tombstones
from touchline.errors import BadInput

MIB = 2**20


def run(args: argparse.Namespace) -> int:
    """Exit status 0 also when little came of it."""
    root = worktree.root()
    if args.apply and (begun := _begun(root, args.what)):
        return begun()
    lineage = run_index.Lineage(root)
    notes = lineage.caught_up()
    try:
        with lineage.engine.connect() as db:
            scope = queries.find(db, args.what, digest(args.what))
    except BadInput as fault:
        return _buried(root, args, fault)
    found = reach(lineage, scope, run_index.records(root, []), args.json)
    found.notes = notes
    sys.stdout.write(f"{record.as_json(as_json(found))}\n" if args.json else as_text(found))
    if not args.apply:
        return 0
    _confirm(args, scope.name)
    return withdraw.carry_out(root, withdraw.planned(lineage, found))


def _begun(root: Path, what: str) -> Callable[[], int] | None:
    """The removal that was interrupted, ready to be finished."""
    removal = withdraw.left(root, what)
    return None if removal is None else lambda: withdraw.carry_out(root, removal)


def _buried(root: Path, args: argparse.Namespace, fault: BadInput) -> int:
    """What is withdrawn already: say so, and with `--apply` look for it once more."""
    stones = [s for s in tombstones.read(root / tombstones.FILE) if args.what in (s.name, s.id)]
    if not stones:
        raise fault
    stone = stones[-1]
    sys.stdout.write(f"{stone.kind} {stone.name}: withdrawn on {stone.since} ({stone.id})\n")
    if not args.apply:
        return 0
    sought = Probes(names=[stone.name], files=[*stone.files], blocks=[], lines=[], frames=[])
    return 1 if verify_removed.prove(root, sought, stone.id) else 0


def _confirm(args: argparse.Namespace, name: str) -> None:
    if args.yes:
        return
    if not sys.stdin.isatty():
        raise BadInput("--apply", "is not confirmed", "add --yes")
    if input(f"remove all of {name}? This cannot be undone. Type its name: ") != name:
        raise BadInput("--apply", "is not confirmed", "nothing was removed")


def digest(what: str) -> str:
    """The sha256 of a file that is named and is here; "" where none is."""
    path = Path(what)
    if not path.is_file():
        return ""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def as_json(found: Reach) -> dict[str, Any]:
    """All of it, for programs."""
    objects = found.objects
    return {
        "kind": found.scope.kind,
        "name": found.scope.name,
        "videos": [unit.name for unit in found.units],
        "rows": {
            one.kind: {"newest": one.rows, "versions": one.versions, "ids": list(one.ids)}
            for one in found.held
        },
        "models": [dataclasses.asdict(one) for one in found.models],
        "scores": found.scores,
        "runs": found.runs,
        "objects": {
            "count": len(objects.gone),
            "bytes": objects.bytes,
            "with_other_matches": objects.shared,
            "digests": objects.gone,
            "products": [f"{one.path} {one.md5}" for one in objects.products],
        },
        **found.stores,
        "shared": found.shared,
        "mlflow": dataclasses.asdict(found.tracked),
        "cost": {"cpu_seconds": found.cost, "total": round(sum(found.cost.values()), 1)},
        "plan": plan(found),
        "notes": found.notes,
    }


def as_text(found: Reach) -> str:
    """For people: counts and examples, then the plan."""
    name = f"{found.scope.kind} {found.scope.name}"
    videos = sum(unit.name not in found.wanted.matches for unit in found.units)
    parts = [f"{name}: {videos} videos, in {len(found.runs)} runs\n", _rows(found)]
    parts += [_models(found), _scores(found), _stores(found)]
    parts.append("to remove it:\n" + _numbered(plan(found)))
    parts += [f"note: {note}\n" for note in found.notes]
    return "\n".join(part for part in parts if part)


def _rows(found: Reach) -> str:
    lines = [("rows", "newest", "versions", "such as")]
    for one in found.held:
        lines.append((one.kind, str(one.rows), str(one.versions), ", ".join(one.ids[:2])))
    return table(lines)


def _models(found: Reach) -> str:
    lines = [("model", "digest", "rows it learnt from", "runs")]
    for one in found.models:
        learnt = ", ".join(f"{count} {kind}s" for kind, count in one.rows.items())
        lines.append((one.path, one.md5, learnt, _some(one.runs)))
    return table(lines) if found.models else "no model was trained on it\n"


def _scores(found: Reach) -> str:
    lines = [("scored with it", "candidates", "figures")]
    for run, candidates in found.scores.items():
        figures = sum(len(m) for tasks in candidates.values() for m in tasks.values())
        lines.append((run, str(len(candidates)), str(figures)))
    return table(lines) if found.scores else ""


def _stores(found: Reach) -> str:
    objects, held = found.objects, found.stores
    lines = [
        ("kept of it", ""),
        (
            "objects of DVC's cache",
            f"{len(objects.gone)}, {objects.bytes / MIB:.1f} MiB; {objects.shared} of them"
            " with rows of other matches",
        ),
        ("training checkpoints", f"{len(held['checkpoints'])}"),
        (
            "remembered answers",
            f"{held['answers']['here']}, and {held['answers']['unknown']} of matches unknown",
        ),
        ("replies of endpoints", f"{sum(held['replies'].values())}"),
        ("highlights", f"{len(held['highlights'])} files"),
        ("nights", f"{len(held['nights'])} tables of answers and benchmarks"),
        ("MLflow", _tracked(found)),
    ]
    return table(lines)


def _tracked(found: Reach) -> str:
    one = found.tracked
    counts = {"runs": one.runs, "models": one.models, "versions": one.versions}
    counts["artifacts"] = one.artifacts
    return ", ".join(f"{len(ids)} {name}" for name, ids in counts.items())


def plan(found: Reach) -> list[str]:
    """The steps of its removal, and what the retraining after it costs."""
    name, objects = found.scope.name, found.objects
    held, whole = found.stores, sum(found.cost.values())
    places = " and from ".join(["DVC's cache", *found.shared])
    steps = [
        f"write {name} into tombstones.yaml and commit it: no download lets it in again",
        f"remove {len(objects.gone)} objects ({objects.bytes / MIB:.1f} MiB) from {places};"
        f" {objects.shared} of them hold rows of other matches as well, so"
        f" {len(found.runs)} runs can no longer be restored whole",
        f"remove {len(held['checkpoints'])} checkpoints, {sum(held['answers'].values())} remembered"
        f" answers, {sum(held['replies'].values())} replies, {len(held['highlights'])} files of"
        f" highlights, {len(held['nights'])} of nights, and its products below data/",
        f"mark {len(found.runs)} runs and {len(found.models)} models as withdrawn, here and in"
        " MLflow",
        "look through every file for what is left of it, and print the proof",
    ]
    if found.cost:
        stages = ", ".join(f"{stage} {spent:.0f}" for stage, spent in found.cost.items())
        steps.append(f"`make retrain`: {whole:.0f} CPU s, as last recorded ({stages})")
    return steps


def _numbered(steps: list[str]) -> str:
    return "".join(f"  {number}. {step}\n" for number, step in enumerate(steps, 1))


def _some(names: tuple[str, ...]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
