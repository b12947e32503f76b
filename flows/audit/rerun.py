"""Rerun a past run, or one stage of it, and compare every product with the recorded one."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from flows.retrain import stage_process
from flows.retrain.run import RetrainRequest, RunSession
from flows.runs import dvc_project, past_run, record, terminal, worktree
from flows.runs.changes import diff_mappings, parse_pinned_versions
from flows.runs.dvc_project import PipelineStep
from flows.runs.killed_runs import clean_up_killed_runs
from flows.runs.locks import hold_lock
from flows.runs.record import RunRecord, StageRecord, TrackedFile
from touchline.errors import InputError

if TYPE_CHECKING:
    from flows.audit.compare import ProductComparison

LOCK_FILE = "requirements.lock"
REPRO_OPTIONS = ("--no-run-cache", "--no-commit")  # execute it, and keep nothing of it


def verify_past_run(run_name: str, stage: str | None, tolerance: float, environment: bool) -> int:
    """Rerun a past run and report each product. Exit status 0 if all products are identical or
    within `tolerance`, else 1. Raises an input error if `tolerance` is not a share.
    """
    if not 0 <= tolerance < 1:
        raise InputError(f"--tolerance {tolerance}", "is not a share", "give e.g. 1e-6")
    root = worktree.find_checkout()
    original = past_run.find_past_run(root, run_name)
    with hold_lock(root) as lock_file:
        clean_up_killed_runs(root)
        with open_rerun(root, original, lock_file) as rerun:
            extra = _prepare_packages(rerun, environment)
            steps = _steps_to_execute(rerun, original, stage)
            reproduced = _count_reproduced_stages(rerun, steps, original, tolerance, extra)
    terminal.print_line(
        f"{reproduced} of {len(steps)} stages came out as they did in run {original.id}"
    )
    return 0 if reproduced == len(steps) else 1


def _count_reproduced_stages(
    rerun: RunSession,
    steps: list[PipelineStep],
    original: RunRecord,
    tolerance: float,
    extra: dict[str, str],
) -> int:
    """Number of stages whose products were reproduced; stops at the first stage that fails."""
    reproduced = 0
    for step in steps:
        if (same := _reproduce_stage(rerun, step, original, tolerance, extra)) is None:
            break
        reproduced += same
    return reproduced


@contextmanager
def open_rerun(root: Path, original: RunRecord, lock: int) -> Iterator[RunSession]:
    """Context manager: a `RunSession` in a temporary worktree with the code, parameters and
    dvc.lock of `original`. Raises `InputError` if the run has no dvc.lock.
    """
    commit, id = past_run.resolve_run_ref(root, original), f"{record.create_run_id()}-verify"
    lock_file = past_run.read_run_file(root, original, "dvc.lock")
    if not lock_file:
        problem = "has no dvc.lock: no stage of it ended well"
        raise InputError(f"run {original.id}", problem, "verify another")
    folder = worktree.create_worktree(root, id, commit, dvc_project.read_cache_dir(root))
    try:
        (folder / "dvc.lock").write_bytes(lock_file)
        if listing := past_run.read_run_file(root, original, worktree.RAW_FILES):
            (folder / worktree.RAW_FILES).write_bytes(listing)
        rerun_record = original.model_copy(update={"id": id, "pid": os.getpid()})
        yield RunSession(root, RetrainRequest(), rerun_record, [], lock)
    finally:
        worktree.remove_worktree(root, id)
        (record.get_runs_folder(root) / f"{id}.log").unlink(missing_ok=True)


def _steps_to_execute(
    rerun: RunSession, original: RunRecord, stage: str | None
) -> list[PipelineStep]:
    """The pipeline steps to execute. For a single stage its inputs are linked from DVC's cache;
    raises `InputError` if one is missing there.
    """
    steps = dvc_project.plan_steps(rerun.folder, stage, force=True)
    recorded_steps = [step for step in steps if step.name in original.stages]
    if stage is None:
        return recorded_steps
    dvc_project.checkout_products(rerun.folder)
    (chosen,) = [step for step in recorded_steps if step.name == stage] or [None]
    if chosen is None:
        raise InputError(f"run {original.id}", f"never came to {stage}", "verify another stage")
    missing = [path for path in chosen.reads if not (rerun.folder / path).exists()]
    if missing:
        problem = f"{', '.join(missing)} is not in the cache any more"
        raise InputError(
            f"run {original.id}: {stage}", problem, "`dvc fetch` it, or verify the whole run"
        )
    return [chosen]


def _reproduce_stage(
    rerun: RunSession,
    step: PipelineStep,
    original: RunRecord,
    tolerance: float,
    extra: dict[str, str],
) -> bool | None:
    """Execute one stage and print the comparison of each product. Returns whether all matched; None
    if the stage failed.
    """
    outcome = stage_process.reproduce_stage(
        rerun, step.name, True, extra, lambda *_: None, options=REPRO_OPTIONS
    )
    if lost_worktree := worktree.find_worktree_error(rerun.folder):
        raise lost_worktree
    if outcome.state == "Failed":
        terminal.print_line(f"{step.name}  failed: {outcome.error}")
        return None
    verdicts = dict(_compare_products(rerun, original.stages[step.name], outcome, tolerance))
    for path, verdict in verdicts.items():
        terminal.print_line(f"{step.name}  {path}: {_describe_verdict(verdict, tolerance)}")
    return all(verdict.kind != "different" for verdict in verdicts.values())


def _describe_verdict(verdict: "ProductComparison", tolerance: float) -> str:
    if verdict.kind == "within":
        return f"within the tolerance of {tolerance:g}"
    return f"different: {verdict.where}" if verdict.where else verdict.kind


def _compare_products(
    rerun: RunSession, before: StageRecord, after: StageRecord, tolerance: float
) -> "Iterator[tuple[str, ProductComparison]]":
    from flows.audit.compare import ProductComparison, compare_products

    new_files = {file.path: file for file in after.products}
    for file in before.products:
        if file.path in new_files and new_files[file.path].md5 == file.md5:
            yield file.path, ProductComparison("identical")
        elif (old_files := _cached_files(rerun, file)) is None:
            yield (
                file.path,
                ProductComparison("different", "and what it was is not in the cache any more"),
            )
        else:
            yield (
                file.path,
                compare_products(old_files, _list_files(rerun.folder / file.path), tolerance),
            )


def _cached_files(rerun: RunSession, file: TrackedFile) -> dict[str, Path] | None:
    """Files of a recorded product in DVC's cache; None if any of them is missing."""
    from flows.store.dvc_cache import locate_cached_object, read_folder_listing

    cache = dvc_project.read_cache_dir(rerun.root)
    try:
        if not file.md5.endswith(".dir"):
            return {Path(file.path).name: locate_cached_object(cache, file.md5, file.path)}
        listing = read_folder_listing(cache, file.md5, file.path)
        return {name: locate_cached_object(cache, md5, file.path) for name, md5 in listing.items()}
    except InputError:
        return None


def _list_files(file_or_folder: Path) -> dict[str, Path]:
    if file_or_folder.is_file():
        return {file_or_folder.name: file_or_folder}
    paths = [path for path in file_or_folder.rglob("*") if path.is_file()]
    return {path.relative_to(file_or_folder).as_posix(): path for path in paths}


def _prepare_packages(rerun: RunSession, build: bool) -> dict[str, str]:
    """Environment variables for the rerun. Prints how installed packages differ from the run's lock
    file, or builds a virtual environment from that file if `build`.
    """
    variables = {"TOUCHLINE_CHECKPOINTS": str(rerun.folder / ".checkpoints")}  # nothing is resumed
    lock, own_lock = rerun.folder / LOCK_FILE, rerun.root / LOCK_FILE
    before, now = (
        parse_pinned_versions(file.read_text()) if file.is_file() else {}
        for file in (lock, own_lock)
    )
    changed_packages = diff_mappings(before, now)
    if build and not lock.is_file():
        raise InputError(LOCK_FILE, "the run's commit has none", "verify without --environment")
    if build:
        commands_folder = _build_venv(rerun, lock)
        return {**variables, "PATH": f"{commands_folder}{os.pathsep}{os.environ.get('PATH', '')}"}
    if changed_packages:
        examples = ", ".join(
            f"{name} {a} -> {b}" for name, (a, b) in list(changed_packages.items())[:5]
        )
        terminal.print_line(
            f"{len(changed_packages)} packages are others than then ({examples}); see --environment"
        )
    else:
        terminal.print_line("the packages are those of the run's lock")
    return variables


def _build_venv(rerun: RunSession, lock: Path) -> Path:
    """Build a virtual environment with exactly the locked packages and return its `bin` folder."""
    venv = rerun.folder / ".verify-venv"
    terminal.print_line(f"building an environment from {LOCK_FILE}; this takes minutes")
    pip = [str(venv / "bin" / "python"), "-m", "pip", "install", "--quiet", "-r", str(lock)]
    try:
        subprocess.run([sys.executable, "-m", "venv", str(venv)], check=True, capture_output=True)
        subprocess.run(pip, check=True, capture_output=True, text=True)
    except subprocess.CalledProcessError as error:
        error_lines = (error.stderr or "").strip().splitlines()
        shutil.rmtree(venv, ignore_errors=True)
        problem = f"cannot be installed: {error_lines[-1] if error_lines else 'pip says nothing'}"
        raise InputError(LOCK_FILE, problem, "verify without --environment") from None
    return venv / "bin"
