"""Execute a past run, or one stage of it, again and compare every product with what it was."""

import argparse
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flows.audit import collect
from flows.audit.facts import pins
from flows.nightly.bisect import changed
from flows.retrain import run, stage_process
from flows.retrain.run import Request, Run
from flows.runs import dvc_project, past_run, record, terminal, worktree
from flows.runs.dvc_project import Step
from flows.runs.locks import locked
from flows.runs.record import File, Record, StageRecord
from touchline.errors import BadInput

if TYPE_CHECKING:
    from flows.audit.compare import Verdict

LOCK = "requirements.lock"
AFRESH = ("--no-run-cache", "--no-commit")  # execute it, and keep nothing of it


def verify(wanted: str, stage: str | None, tolerance: float, environment: bool) -> int:
    """Exit status 0: all products are as they were, or within the tolerance; 1: one is not."""
    root = worktree.root()
    found = past_run.find(root, wanted)
    with locked(root) as held:
        run.tidy(root)
        with again(root, found, held) as going:
            extra = _environment(going, environment)
            steps = _steps(going, found, stage)
            good = _stages(going, steps, found, tolerance, extra)
    terminal.say(f"{good} of {len(steps)} stages came out as they did in run {found.id}")
    return 0 if good == len(steps) else 1


def _stages(
    going: Run, steps: list[Step], found: Record, tolerance: float, extra: dict[str, str]
) -> int:
    """How many came out as they did; after one that fails nothing can be made."""
    good = 0
    for step in steps:
        if (same := _stage(going, step, found, tolerance, extra)) is None:
            break
        good += same
    return good


@contextmanager
def again(root: Path, found: Record, lock: int) -> Iterator[Run]:
    """The run's code, parameters and lock file in a worktree that is gone afterwards."""
    commit, id = past_run.ref(root, found), f"{record.fresh_id()}-verify"
    lock_file = collect.shown(root, found, "dvc.lock")
    if not lock_file:
        wrong = "has no dvc.lock: no stage of it ended well"
        raise BadInput(f"run {found.id}", wrong, "verify another")
    folder = worktree.open(root, id, commit, dvc_project.cache(root))
    try:
        (folder / "dvc.lock").write_bytes(lock_file)
        copy = found.model_copy(update={"id": id, "pid": os.getpid()})
        yield Run(root, Request(), copy, [], lock)
    finally:
        worktree.remove(root, id)
        (record.folder(root) / f"{id}.log").unlink(missing_ok=True)


def _steps(going: Run, found: Record, stage: str | None) -> list[Step]:
    """What to execute; for one stage alone its inputs are linked from the cache."""
    steps = dvc_project.steps(going.folder, stage, force=True)
    told = [step for step in steps if step.name in found.stages]
    if stage is None:
        return told
    dvc_project.checkout(going.folder)
    (one,) = [step for step in told if step.name == stage] or [None]
    if one is None:
        raise BadInput(f"run {found.id}", f"never came to {stage}", "verify another stage")
    lost = [path for path in one.reads if not (going.folder / path).exists()]
    if lost:
        wrong = f"{', '.join(lost)} is not in the cache any more"
        raise BadInput(f"run {found.id}: {stage}", wrong, "`dvc fetch` it, or verify the whole run")
    return [one]


def _stage(
    going: Run, step: Step, found: Record, tolerance: float, extra: dict[str, str]
) -> bool | None:
    """Execute one stage and say of each product how it came out; None when it failed."""
    done = stage_process.stage(going, step.name, True, extra, lambda *_: None, options=AFRESH)
    if gone := worktree.lost(going.folder):
        raise gone
    if done.state == "Failed":
        terminal.say(f"{step.name}  failed: {done.error}")
        return None
    verdicts = dict(_compared(going, found.stages[step.name], done, tolerance))
    for path, verdict in verdicts.items():
        terminal.say(f"{step.name}  {path}: {_words(verdict, tolerance)}")
    return all(verdict.kind != "different" for verdict in verdicts.values())


def _words(verdict: "Verdict", tolerance: float) -> str:
    if verdict.kind == "within":
        return f"within the tolerance of {tolerance:g}"
    return f"different: {verdict.where}" if verdict.where else verdict.kind


def _compared(
    going: Run, was: StageRecord, now: StageRecord, tolerance: float
) -> "Iterator[tuple[str, Verdict]]":
    from flows.audit.compare import Verdict, products

    made = {file.path: file for file in now.products}
    for file in was.products:
        if file.path in made and made[file.path].md5 == file.md5:
            yield file.path, Verdict("identical")
        elif (old := _old(going, file)) is None:
            yield file.path, Verdict("different", "and what it was is not in the cache any more")
        else:
            yield file.path, products(old, _files(going.folder / file.path), tolerance)


def _old(going: Run, file: File) -> dict[str, Path] | None:
    """What the run made, in the cache; None where that was collected."""
    from flows.store.dvc_cache import names, stored

    cache = dvc_project.cache(going.root)
    try:
        if not file.md5.endswith(".dir"):
            return {Path(file.path).name: stored(cache, file.md5, file.path)}
        held = names(cache, file.md5, file.path)
        return {name: stored(cache, md5, file.path) for name, md5 in held.items()}
    except BadInput:
        return None


def _files(place: Path) -> dict[str, Path]:
    if place.is_file():
        return {place.name: place}
    every = [path for path in place.rglob("*") if path.is_file()]
    return {path.relative_to(place).as_posix(): path for path in every}


def _environment(going: Run, build: bool) -> dict[str, str]:
    """Say whether the packages are those of the run; build them from its lock if asked to."""
    kept = {"TOUCHLINE_CHECKPOINTS": str(going.folder / ".checkpoints")}  # nothing is resumed
    lock, mine = going.folder / LOCK, going.root / LOCK
    before, now = (pins(file.read_text()) if file.is_file() else {} for file in (lock, mine))
    other = changed(before, now)
    if build and not lock.is_file():
        raise BadInput(LOCK, "the run's commit has none", "verify without --environment")
    if build:
        place = _venv(going, lock)
        return {**kept, "PATH": f"{place}{os.pathsep}{os.environ.get('PATH', '')}"}
    if other:
        some = ", ".join(f"{name} {a} -> {b}" for name, (a, b) in list(other.items())[:5])
        terminal.say(f"{len(other)} packages are others than then ({some}); see --environment")
    else:
        terminal.say("the packages are those of the run's lock")
    return kept


def _venv(going: Run, lock: Path) -> Path:
    """The folder of commands of an environment with exactly the lock's packages."""
    place = going.folder / ".verify-venv"
    terminal.say(f"building an environment from {LOCK}; this takes minutes")
    pip = [str(place / "bin" / "python"), "-m", "pip", "install", "--quiet", "-r", str(lock)]
    try:
        subprocess.run([sys.executable, "-m", "venv", str(place)], check=True, capture_output=True)
        subprocess.run(pip, check=True, capture_output=True, text=True)
    except subprocess.CalledProcessError as error:
        said = (error.stderr or "").strip().splitlines()
        shutil.rmtree(place, ignore_errors=True)
        wrong = f"cannot be installed: {said[-1] if said else 'pip says nothing'}"
        raise BadInput(LOCK, wrong, "verify without --environment") from None
    return place / "bin"


def offer(actions: Any) -> None:
    """The action and its arguments."""
    one = actions.add_parser("verify", help="execute a past run again and compare its products")
    one.set_defaults(action=run_verify_command)
    one.add_argument("run", help="id of a run, its beginning, or `latest`")
    one.add_argument("--stage", metavar="NAME", help="this stage alone, from its recorded inputs")
    one.add_argument(
        "--tolerance", type=float, default=1e-6, help="of numbers, as a share of the larger one"
    )
    one.add_argument(
        "--environment", action="store_true", help="with the packages of the run's own lock"
    )


def run_verify_command(args: argparse.Namespace) -> int:
    """Exit status 0: all products are as they were, or within the tolerance; 1: one is not."""

    if not 0 <= args.tolerance < 1:
        raise BadInput(f"--tolerance {args.tolerance}", "is no share", "give e.g. 1e-6")
    return verify(args.run, args.stage, args.tolerance, args.environment)
