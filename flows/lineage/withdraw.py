"""`touchline impact --apply`: remove a match, leave a tombstone, prove that no byte is left.

What is to go is written down first. Every step may be taken again, so an interrupted removal is
finished by asking for it anew; the note goes last, for it quotes what it looks for.
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
from flows.lineage.byte_search import Probes, blotted, probes
from flows.lineage.extent import Reach
from flows.lineage.indexing import forget
from flows.lineage.other_stores import Wanted
from flows.lineage.run_index import Lineage
from flows.retrain import run
from flows.runs import dvc_project, record, worktree
from flows.runs.locks import locked
from flows.runs.terminal import say
from touchline.atomic import whole_file
from touchline.errors import BadInput
from touchline.tombstones import FILE, Tombstone, add

NOTES = "withdrawn"  # git notes on the commits of refs/runs


class Removal(BaseModel):
    """All that is to be done, so that it can be done again."""

    stone: Tombstone
    units: list[str]
    matches: list[str]
    md5: list[str]  # of products
    paths: list[str]  # of products, below the root
    objects: list[str]
    runs: dict[str, list[str]]
    models: list[str]  # digests
    tracked: dict[str, list[str]]
    probes: Probes
    shared: list[str] = []  # addresses of the stores that it must reach

    @property
    def wanted(self) -> Wanted:
        return Wanted(
            tuple(self.units),
            tuple(self.matches),
            frozenset(self.stone.files),
            frozenset(self.md5),
        )


def left(root: Path, what: str) -> Removal | None:
    """The removal that was interrupted; a `BadInput` when it was of something else."""
    file = _file(root)
    if not file.is_file():
        return None
    removal = Removal.model_validate_json(file.read_text(encoding="utf-8"))
    if what not in (removal.stone.name, removal.stone.id, *removal.stone.files):
        wrong = f"the removal of {removal.stone.name} was interrupted"
        raise BadInput(
            what, wrong, f"finish it first: touchline impact {removal.stone.name} --apply"
        )
    return removal


def planned(lineage: Lineage, found: Reach) -> Removal:
    """Write down what is to go, while it is still there to be read."""
    now, reached = datetime.now(UTC).date().isoformat(), shared_stores.reached(lineage.root)
    sought, sizes = _probes(lineage, found)
    stone = {"kind": found.scope.kind, "name": found.scope.name, "since": now, "files": sizes}
    removal = Removal(
        stone=Tombstone.model_validate(stone),
        units=[unit.name for unit in found.units],
        matches=list(found.wanted.matches),
        md5=sorted(found.wanted.md5),
        paths=sorted({product.path for product in found.objects.products}),
        objects=sorted(found.objects.gone),
        runs=found.runs,
        models=sorted({model.md5 for model in found.models}),
        tracked={name: list(ids) for name, ids in vars(found.tracked).items()},
        probes=sought,
        shared=sorted(reached),
    )
    with whole_file(_file(lineage.root)) as draft:
        draft.write_text(removal.model_dump_json(indent=1), encoding="utf-8")
    return removal


def carry_out(root: Path, removal: Removal) -> int:
    """Take every step; exit status 0 when nothing is left, 1 when something is."""
    shared_stores.named_still(shared_stores.reached(root), removal.shared)
    steps: list[tuple[str, Callable[[Path, Removal], Any]]] = [
        ("a tombstone", _bury),
        ("objects of DVC's cache", _objects),
        ("stores that are shared", _shared),
        ("products below data/", _published),
        ("checkpoints, answers, replies, highlights, nights", _stores),
        ("records of runs", _records),
        ("MLflow", _tracked),
        ("the row index", _index),
    ]
    with locked(root), locked(root, "night"):  # either would bring back what is taken away
        for name, step in steps:
            step(root, removal)
            say(f"done: {name}")
        remains = verify_removed.prove(root, removal.probes, removal.stone.id)
        if not remains:
            _file(root).unlink()
    return 1 if remains else 0


def _file(root: Path) -> Path:
    return root / ".touchline" / "removal.json"


def _probes(lineage: Lineage, found: Reach) -> tuple[Probes, dict[str, int]]:
    """What to look for later, and the digests and sizes of the videos."""
    shelf, own = run_index.Shelf(lineage.cache), dict[int, set[str]]()
    names = {unit.name for unit in found.units}
    with lineage.engine.connect() as db:
        for unit in found.units:
            if unit.name in found.wanted.matches:
                continue  # files beside its videos: those of another match may have the same bytes
            for number, name in queries.stored(db, unit):
                own.setdefault(number, set()).add(name)
        numbers = {share.number: share.product for share in queries.shares(db, found.scope)}
    held: dict[str, dict[Path, None]] = {name: {} for name in ("videos", "frames", "manifest")}
    for number, product in numbers.items():
        if product.name in held:
            files = shelf.here(product)
            mine = own.get(number, set(files) & {"speech.parquet"})
            held[product.name] |= dict.fromkeys(files[one] for one in mine if one in files)
    videos = [file for file in held["videos"] if file.stat().st_size]
    said = [pq.read_table(file, columns=["video", "text"]) for file in held["manifest"]]
    sought = probes(names, videos, held["frames"], _joined(said))
    sizes = dict(zip(sought.files, (file.stat().st_size for file in videos), strict=True))
    return sought, sizes


def _joined(said: list[Any]) -> Any:
    shape = pa.schema([("video", pa.string()), ("text", pa.string())])
    return pa.concat_tables([shape.empty_table(), *(one.cast(shape) for one in said)])


def _bury(root: Path, removal: Removal) -> None:
    """Only this file is committed; whatever else changed stays as it is."""
    add(root / FILE, removal.stone)
    if not worktree.git(root, "status", "--porcelain", "--", FILE):
        return
    try:
        worktree.git(root, "add", "--", FILE)
        words = f"Withdraw {removal.stone.kind} {removal.stone.id}"
        worktree.git(root, "commit", "--quiet", "--only", "-m", words, "--", FILE)
    except CalledProcessError as error:
        said = " ".join((error.stderr or "").split())[:120]
        sys.stderr.write(f"note: {FILE} could not be committed ({said}); commit it yourself\n")


def _objects(root: Path, removal: Removal) -> None:
    """From the cache, and from the run cache, which only points to them."""
    gone, cache = set(removal.objects) | set(removal.md5), dvc_project.cache(root)
    for md5 in removal.objects:
        (cache / "files" / "md5" / md5[:2] / md5[2:]).unlink(missing_ok=True)
    for entry in (cache / "runs").glob("*/*/*"):
        if any(md5 in entry.read_text(errors="replace") for md5 in gone):
            entry.unlink()


def _shared(root: Path, removal: Removal) -> None:
    """From every store, whose records of the runs say so."""
    for url, store in shared_stores.stores(root).items():
        count = shared_stores.drop(store, url, removal.objects)
        say(f"{count} objects removed at {url}")
    shared_stores.mark(removal.runs, removal.stone.id, removal.probes, verify_removed.WITHDRAWN)


def _published(root: Path, removal: Removal) -> None:
    """Products in the checkout, and worktrees that killed runs left."""
    other_stores.remove([root / path for path in removal.paths])
    run.tidy(root)


def _stores(root: Path, removal: Removal) -> None:
    wanted = removal.wanted
    for find in (other_stores.of_checkpoints, other_stores.of_highlights, other_stores.of_nights):
        other_stores.remove(find(root, wanted))
    other_stores.remove(other_stores.of_benchmarks(root, wanted))
    other_stores.drop_answers(root, wanted)
    other_stores.drop_replies(root, wanted)


def _records(root: Path, removal: Removal) -> None:
    """Runs stay in the books: what they made of it is said to be withdrawn, here and in git."""
    for one in run_index.records(root, []):
        if one.id in removal.runs:
            one.withdrawn[removal.stone.id] = sorted(removal.runs[one.id])
            record.write(root, one)
            _note(root, one.id, removal.stone)


def _note(root: Path, id: str, stone: Tombstone) -> None:
    """A note on the commit of a run's ref, if it has one."""
    commit = worktree.git(root, "for-each-ref", "--format=%(objectname)", f"refs/runs/{id}")
    if not commit.strip():
        return
    said = f"Withdrawn in part on {stone.since}, tombstone {stone.id}"
    env = {f"GIT_{role}_{what}": "touchline@localhost" for role in ("AUTHOR", "COMMITTER")
           for what in ("NAME", "EMAIL")}  # fmt: skip
    arguments = ("notes", f"--ref={NOTES}", "add", "-f", "-m", said, commit.strip())
    worktree.git(root, *arguments, env=env)


def _tracked(root: Path, removal: Removal) -> None:
    if not any(removal.tracked.values()):
        return
    from flows.lineage import mlflow_marks

    def blot(text: str) -> str:
        return blotted(text.encode(), removal.probes.needles(), verify_removed.WITHDRAWN).decode()

    said = f"{removal.stone.since}, tombstone {removal.stone.id}"
    mlflow_marks.withdraw(root, removal.tracked, removal.models, said, blot)


def _index(root: Path, removal: Removal) -> None:
    lineage = Lineage(root)
    forget(lineage.engine, removal.md5, removal.units, removal.matches)
    for name in derive_rows.RULES:
        for md5 in removal.md5:
            other_stores.remove(list((lineage.folder / name).glob(f"{md5}*.parquet")))
