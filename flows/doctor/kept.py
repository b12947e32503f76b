"""Doctor checks of what runs have made: records, git refs, DVC's cache, the shared store."""

import random
import subprocess
from collections.abc import Iterator
from pathlib import Path

from flows.doctor.finding import DoctorFinding, list_first_names, report_ok
from flows.runs import dvc_project, record, worktree
from flows.runs.record import RunRecord
from flows.store import dvc_cache, push_pull, remote
from touchline.errors import InputError
from touchline.progress import track_progress

HASH_SAMPLE = 50  # objects that are hashed unless all are to be


def examine_run_products(root: Path, full: bool) -> Iterator[DoctorFinding]:
    """Check refs, cache and shared store; `full` hashes the whole cache instead of a sample."""
    yield check_run_refs(root)
    runs = [run for run in record.list_runs(root) if run.state == "completed"]
    if not runs:
        yield report_ok("runs", "none has completed yet")
        return
    cache = dvc_project.read_cache_dir(root)
    yield check_cached_products(cache, runs)
    yield check_object_hashes(cache, runs[-1], full)
    if store := remote.get_remote_store():
        yield check_store_objects(cache, runs[-1], store, full)


def check_run_refs(root: Path) -> DoctorFinding:
    """Check that every `refs/runs/ID` contains its run record."""
    names = worktree.run_git(root, "for-each-ref", "--format=%(refname)", "refs/runs/").split()
    queries = "".join(f"{name}:run.json\n" for name in names)
    replies = subprocess.run(
        ["git", "cat-file", "--batch-check"],
        cwd=root,
        input=queries,
        capture_output=True,
        text=True,
    ).stdout.splitlines()
    recordless = [
        n.removeprefix("refs/runs/") for n, s in zip(names, replies, strict=True) if "blob" not in s
    ]
    if recordless:
        remedy = "fetch them from another clone, or `git update-ref -d refs/runs/ID`"
        return DoctorFinding(
            "runs", "broken", f"refs without a record: {list_first_names(recordless)}", remedy
        )
    return report_ok("runs", f"{len(names)} in git")


def check_cached_products(cache: Path, runs: list[RunRecord]) -> DoctorFinding:
    """Check that DVC's cache has the products of all completed runs."""
    incomplete_runs = [run.id for run in runs if list_missing_objects(cache, run)]
    if not incomplete_runs:
        return report_ok("cache", f"has the products of all {len(runs)} completed runs")
    state = "broken" if runs[-1].id in incomplete_runs else "warning"
    problem = (
        f"lacks products of {len(incomplete_runs)} of {len(runs)} completed runs "
        f"({list_first_names(incomplete_runs[::-1])})"
    )
    return DoctorFinding("cache", state, problem, "`touchline pull RUN`, or repeat the run")


def list_missing_objects(cache: Path, run: RunRecord) -> list[str]:
    """Names of the objects of a run's products that the cache lacks; an unreadable folder listing
    counts as one.
    """
    try:
        objects = push_pull.list_product_objects(run)
        cached = {md5 for md5 in objects if dvc_cache.get_object_path(cache, md5).is_file()}
        if cached != set(objects):
            return [name for md5, name in objects.items() if md5 not in cached]
        objects = push_pull.list_folder_objects(cache, run)
    except (InputError, ValueError, KeyError) as fault:
        return [str(fault)]
    return [
        name for md5, name in objects.items() if not dvc_cache.get_object_path(cache, md5).is_file()
    ]


def check_object_hashes(cache: Path, run: RunRecord, full: bool) -> DoctorFinding:
    """Hash a sample of the last run's cached objects, or with `full` the whole cache, and report
    corrupt ones.
    """
    files = _all_objects(cache) if full else _run_objects(cache, run)
    if not full and len(files) > HASH_SAMPLE:
        files = dict(random.sample(sorted(files.items()), HASH_SAMPLE))
    corrupt_names = [
        name
        for file, name in track_progress(list(files.items()), "hash")
        if not dvc_project.is_object_intact(file)
    ]
    if corrupt_names:
        remedy = "delete these files from the cache, then `touchline pull` or repeat the run"
        return DoctorFinding(
            "cache", "broken", f"corrupt: {list_first_names(corrupt_names)}", remedy
        )
    return report_ok(
        "cache", f"{len(files)} objects are what their names say{'' if full else ' (sample)'}"
    )


def _all_objects(cache: Path) -> dict[Path, str]:
    return {file: str(file) for file in (cache / "files" / "md5").glob("??/*") if file.is_file()}


def _run_objects(cache: Path, run: RunRecord) -> dict[Path, str]:
    if list_missing_objects(cache, run):
        return {}
    objects = push_pull.list_product_objects(run) | push_pull.list_folder_objects(cache, run)
    return {
        dvc_cache.get_object_path(cache, md5): f"{name} ({md5})" for md5, name in objects.items()
    }


def check_store_objects(
    cache: Path, run: RunRecord, store: remote.RemoteStore, full: bool
) -> DoctorFinding:
    """Check that the shared store has the last run's products; with `full`, also that no ETag
    contradicts its digest.
    """
    objects = push_pull.list_product_objects(run)
    if not list_missing_objects(cache, run):
        objects |= push_pull.list_folder_objects(cache, run)
    missing = sorted(set(objects) - store.find_existing(objects))
    if missing:
        problem = f"{store.url} lacks {len(missing)} objects of run {run.id}"
        return DoctorFinding("store", "warning", problem, "`touchline push`")
    if full and (corrupt_digests := store.find_corrupt(objects)):
        problem = (
            f"corrupt at {store.url}: "
            f"{list_first_names([objects[md5] for md5 in sorted(corrupt_digests)])}"
        )
        return DoctorFinding("store", "broken", problem, "`touchline push --mend`")
    return report_ok("store", f"has the products of run {run.id}")
