"""Queries about the DVC project: stages in order, what changed, and the inputs and products of a
stage.

Stages themselves run in a separate process (`dvc repro`).
"""

import hashlib
import json
import logging
import shutil
from collections.abc import Iterator
from contextlib import chdir, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import networkx
from dvc.exceptions import DvcException
from dvc.repo import Repo
from dvc.stage.exceptions import MissingDataSource
from dvc.utils.serialize import load_yaml

from flows.runs import overrides
from flows.runs.record import StageOutcome, StageRecord, TrackedFile
from touchline.atomic import atomic_file
from touchline.errors import InputError
from touchline.state_dirs import compute_lock_entry_key


@dataclass(frozen=True)
class PipelineStep:
    """A stage, the stages it depends on, and whether it differs from dvc.lock."""

    name: str
    needs: list[str]
    changed: bool
    reads: tuple[str, ...] = ()  # products of other stages, by path
    about: str = ""  # dvc.yaml's sentence on it


@contextmanager
def open_dvc_project(folder: Path) -> Iterator[Repo]:
    """Context manager: open the DVC repository in this folder. DVC's exceptions become input
    errors.
    """
    for name in ("dvc", "dvc_data", "dvc_objects"):
        logging.getLogger(name).setLevel(logging.ERROR)
    try:
        with chdir(folder), Repo(_wait_for_lock=True) as repo:  # DVC names stages by the cwd
            yield repo
    except DvcException as error:
        wrong = " ".join(str(error).split()).rstrip(".")
        raise InputError("dvc.yaml", wrong, "`dvc status` says more") from error


def read_cache_dir(root: Path) -> Path:
    """Folder of the DVC object cache that all worktrees share."""
    with open_dvc_project(root) as repo:
        return Path(repo.cache.local_cache_dir)


def checkout_products(folder: Path) -> None:
    """Link the products listed in dvc.lock into a worktree. Objects missing from the cache are
    skipped.
    """
    with open_dvc_project(folder) as repo:
        repo.checkout(allow_missing=True, force=True)
        _copy_uncached(repo)


def link_products_into_data(root: Path) -> None:
    """Link the products listed in dvc.lock into the user's `data/`. Raises an input error rather
    than overwrite a product that the user changed, or if a cached object is corrupt.
    """
    with open_dvc_project(root) as repo:
        try:
            repo.checkout(allow_missing=True)
            _copy_uncached(repo)
        except DvcException as error:
            _drop_corrupt_objects(repo)
            wrong = " ".join(str(error).split()).rstrip(".")
            raise InputError(root / "data", wrong, "move it away, then `dvc checkout`") from error


def _drop_corrupt_objects(repo: Repo) -> None:
    """Delete corrupt objects from the cache, with the product files that share their bytes, and
    raise an input error naming the first.

    Through a hard link, a corrupt object looks like a product changed by the user. Once it is
    deleted, the next run makes the product again. Files that the user did change are separate files
    and stay.
    """
    outs = [out for stage in repo.index.stages for out in stage.outs if out.use_cache]
    removed = []
    for out in (out for out in outs if out.hash_info and out.status()):
        for file, cached in _files_with_objects(repo, out):
            if cached.is_file() and not is_object_intact(cached):
                if file.is_file() and file.samefile(cached):
                    file.unlink()
                cached.unlink()
                removed.append(file.relative_to(repo.root_dir))
    if removed:
        more = f" (and {len(removed) - 1} more)" if removed[1:] else ""
        wrong = f"was corrupt in DVC's cache and is taken out of it{more}"
        raise InputError(removed[0], wrong, "the same command makes it anew")


def _files_with_objects(repo: Repo, out: Any) -> Iterator[tuple[Path, Path]]:
    """Each file of a product with its object in the cache."""
    tree = out.get_obj()
    for key, _, hash_info in tree if out.hash_info.isdir and tree else [((), None, out.hash_info)]:
        yield Path(out.fs_path, *key), Path(repo.cache.local.oid_to_path(hash_info.value))


def is_object_intact(object_path: Path) -> bool:
    """Whether a cached object's MD5 matches its name."""
    with object_path.open("rb") as data:
        digest = hashlib.file_digest(data, "md5").hexdigest()
    return digest == object_path.parent.name + object_path.name.removesuffix(".dir")


def _copy_uncached(repo: Repo) -> None:
    """Restore products declared `cache: false` from the run cache, since `dvc
    checkout` skips them.
    """
    for out in (out for stage in repo.index.stages for out in stage.outs if not out.use_cache):
        cached_file = (
            Path(repo.cache.local.oid_to_path(out.hash_info.value)) if out.hash_info else None
        )
        if cached_file and cached_file.is_file():
            with atomic_file(Path(out.fs_path)) as draft:
                shutil.copyfile(cached_file, draft)


def plan_steps(folder: Path, target: str | None, force: bool) -> list[PipelineStep]:
    """The stages in topological order: all, or `target` and its dependencies. `force` marks the
    target (or all) as changed. Raises an input error for an unknown target.
    """
    with open_dvc_project(folder) as repo:
        graph = repo.index.graph
        stages = {stage.addressing: stage for stage in graph}
        if target is not None and target not in stages:
            raise InputError(f"--stage {target}", "there is no such stage", _known_stages(graph))
        selected = set(graph)
        if target is not None:
            selected = {stages[target], *networkx.descendants(graph, stages[target])}
        changed = set(repo.status(target, with_deps=target is not None))
        product_paths = {out.def_path for stage in graph for out in stage.outs}
        forced = {target} if target else set(stages)
        return [
            PipelineStep(
                stage.addressing,
                sorted(need.addressing for need in graph.successors(stage)),
                stage.addressing in changed or (force and stage.addressing in forced),
                tuple(dep.def_path for dep in stage.deps if dep.def_path in product_paths),
                stage.desc or "",
            )
            for stage in _topological_order(graph)
            if stage in selected
        ]


def list_checkpoint_keys(folder: Path) -> set[str]:
    """Checkpoint keys of the stages in dvc.lock."""
    file = folder / "dvc.lock"
    return (
        {compute_lock_entry_key(entry) for entry in load_yaml(file)["stages"].values()}
        if file.is_file()
        else set()
    )


def predict_stage_outcome(folder: Path, stage: str) -> StageOutcome:
    """What `dvc repro` would do with a stage whose dependencies are up to date: Unchanged, Restored
    from the run cache, or Ran.
    """
    with open_dvc_project(folder) as repo:
        if not repo.status([stage]):
            return "Unchanged"
        dvc_stage, runs = repo.stage.get_target(stage), repo.stage_cache
        try:
            dvc_stage.save_deps()
        except MissingDataSource:
            return "Ran"  # and fails, in its own words
        cached_run = runs._load(
            dvc_stage
        )  # private: pyproject.toml allows one minor release of DVC
        return "Restored" if cached_run and runs._create_stage(cached_run).outs_cached() else "Ran"


def describe_stage(folder: Path, stage: str, state: StageOutcome) -> StageRecord:
    """The record of a stage, from dvc.lock and its metrics files."""
    with open_dvc_project(folder) as repo:
        dvc_stage = repo.stage.get_target(stage)
        metrics = [folder / out.def_path for out in dvc_stage.outs if out.metric]
        needs = sorted(need.addressing for need in repo.index.graph.successors(dvc_stage))
    entry = read_dvc_lock(folder).get(stage, {})
    params = {k: v for keys in entry.get("params", {}).values() for k, v in keys.items()}
    return StageRecord(
        state=state,
        needs=needs,
        inputs=[_tracked_file(item, folder) for item in entry.get("deps", [])],
        params=params,
        products=[_tracked_file(item, folder) for item in entry.get("outs", [])],
        metrics={
            k: v for path in metrics if path.is_file() for k, v in _read_metrics(path).items()
        },
    )


def read_dvc_lock(folder: Path) -> dict[str, dict[str, Any]]:
    """The stages of dvc.lock by name; {} if there is no file."""
    return overrides.read_yaml_mapping(folder / "dvc.lock").get("stages", {})


def read_lock_products(folder: Path) -> dict[str, list[TrackedFile]]:
    """{stage: product files} according to dvc.lock."""
    outs = {name: entry.get("outs", []) for name, entry in read_dvc_lock(folder).items()}
    return {
        name: [_tracked_file(item, folder) for item in entries] for name, entries in outs.items()
    }


def read_model_paths(folder: Path) -> set[str]:
    """Paths that dvc.yaml declares as models (`artifacts:` with `type: model`).

    Read without DVC: its API imports gto, which resets all logging, including Prefect's handlers,
    and now and then deadlocks (seen in 2 of 12 runs).
    """
    declared = overrides.read_yaml_mapping(folder / "dvc.yaml").get("artifacts", {})
    return {artifact["path"] for artifact in declared.values() if artifact.get("type") == "model"}


def read_stage_slots(folder: Path) -> dict[str, str]:
    """{stage: slot} of the stages that need a machine slot: `meta: {slot: gpu}` in dvc.yaml."""
    stages = overrides.read_yaml_mapping(folder / "dvc.yaml").get("stages", {})
    return {
        name: slot for name, entry in stages.items() if (slot := entry.get("meta", {}).get("slot"))
    }


def _topological_order(graph: Any) -> list[Any]:
    """By need, then as dvc.yaml lists them."""
    place = {stage: number for number, stage in enumerate(graph)}
    return list(networkx.lexicographical_topological_sort(graph.reverse(), key=place.__getitem__))


def _known_stages(graph: Any) -> str:
    return f"known are {', '.join(stage.addressing for stage in _topological_order(graph))}"


def _tracked_file(item: dict[str, Any], folder: Path) -> TrackedFile:
    """A dvc.lock entry as a tracked file, with the licence terms from the product's `terms.json`,
    if any.
    """
    terms_file = folder / item["path"] / "terms.json"
    terms = (
        json.loads(terms_file.read_text(encoding="utf-8"))["terms"] if terms_file.is_file() else ""
    )
    return TrackedFile(
        path=item["path"], md5=item.get("md5", ""), size=item.get("size", 0), terms=terms
    )


def _read_metrics(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text())
