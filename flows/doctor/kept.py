"""What runs have made and what is kept of it: records, refs, DVC's cache, the shared store."""

import random
import subprocess
from collections.abc import Iterator
from pathlib import Path

from flows.doctor.finding import Finding, ok, some
from flows.runs import dvc_project, record, worktree
from flows.runs.record import Record
from flows.store import dvc_cache, push_pull, remote
from touchline.errors import BadInput
from touchline.progress import track

SAMPLE = 50  # objects that are hashed unless all are to be


def look(root: Path, full: bool) -> Iterator[Finding]:
    yield refs(root)
    runs = [run for run in record.every(root) if run.state == "completed"]
    if not runs:
        yield ok("runs", "none has completed yet")
        return
    cache = dvc_project.cache(root)
    yield whole(cache, runs)
    yield sound(cache, runs[-1], full)
    if store := remote.named():
        yield stored(cache, runs[-1], store, full)


def refs(root: Path) -> Finding:
    """Every `refs/runs/<id>` still has its record."""
    names = worktree.git(root, "for-each-ref", "--format=%(refname)", "refs/runs/").split()
    ask = "".join(f"{name}:run.json\n" for name in names)
    said = subprocess.run(
        ["git", "cat-file", "--batch-check"], cwd=root, input=ask, capture_output=True, text=True
    ).stdout.splitlines()
    gone = [
        n.removeprefix("refs/runs/") for n, s in zip(names, said, strict=True) if "blob" not in s
    ]
    if gone:
        remedy = "fetch them from another clone, or `git update-ref -d refs/runs/ID`"
        return Finding("runs", "broken", f"refs without a record: {some(gone)}", remedy)
    return ok("runs", f"{len(names)} in git")


def whole(cache: Path, runs: list[Record]) -> Finding:
    """Which runs' products the cache still has."""
    gone = [run.id for run in runs if lacking(cache, run)]
    if not gone:
        return ok("cache", f"has the products of all {len(runs)} completed runs")
    state = "broken" if runs[-1].id in gone else "warning"
    wrong = f"lacks products of {len(gone)} of {len(runs)} completed runs ({some(gone[::-1])})"
    return Finding("cache", state, wrong, "`touchline pull RUN`, or repeat the run")


def lacking(cache: Path, run: Record) -> list[str]:
    """Names of the products of a run that the cache has not, or not whole."""
    try:
        objects = push_pull.products(run)
        there = {md5 for md5 in objects if dvc_cache.place(cache, md5).is_file()}
        if there != set(objects):
            return [name for md5, name in objects.items() if md5 not in there]
        objects = push_pull.contents(cache, run)
    except (BadInput, ValueError, KeyError) as fault:
        return [str(fault)]
    return [name for md5, name in objects.items() if not dvc_cache.place(cache, md5).is_file()]


def sound(cache: Path, run: Record, full: bool) -> Finding:
    """Hash objects of the last run, or with `full` all of the cache."""
    files = _all(cache) if full else _of(cache, run)
    if not full and len(files) > SAMPLE:
        files = dict(random.sample(sorted(files.items()), SAMPLE))
    bad = [
        name
        for file, name in track(list(files.items()), "hash")
        if not dvc_project.named_rightly(file)
    ]
    if bad:
        remedy = "delete these files from the cache, then `touchline pull` or repeat the run"
        return Finding("cache", "broken", f"corrupt: {some(bad)}", remedy)
    return ok(
        "cache", f"{len(files)} objects are what their names say{'' if full else ' (sample)'}"
    )


def _all(cache: Path) -> dict[Path, str]:
    return {file: str(file) for file in (cache / "files" / "md5").glob("??/*") if file.is_file()}


def _of(cache: Path, run: Record) -> dict[Path, str]:
    if lacking(cache, run):
        return {}
    objects = push_pull.products(run) | push_pull.contents(cache, run)
    return {dvc_cache.place(cache, md5): f"{name} ({md5})" for md5, name in objects.items()}


def stored(cache: Path, run: Record, store: remote.Remote, full: bool) -> Finding:
    """The last run's products are in the store; with `full`, by their ETags, whole."""
    objects = push_pull.products(run)
    if not lacking(cache, run):
        objects |= push_pull.contents(cache, run)
    gone = sorted(set(objects) - store.holds(objects))
    if gone:
        wrong = f"{store.url} lacks {len(gone)} objects of run {run.id}"
        return Finding("store", "warning", wrong, "`touchline push`")
    if full and (bad := store.corrupt(objects)):
        wrong = f"corrupt at {store.url}: {some([objects[md5] for md5 in sorted(bad)])}"
        return Finding("store", "broken", wrong, "`touchline push --mend`")
    return ok("store", f"has the products of run {run.id}")
