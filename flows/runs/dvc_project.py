"""What DVC knows: the stages in order, what changed, and what a stage read and made.

Stages themselves run in a process of their own (`dvc repro`); only questions are asked here.
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
from flows.runs.record import Fate, File, StageRecord
from touchline.atomic import whole_file
from touchline.errors import BadInput
from touchline.state_dirs import key_of


@dataclass(frozen=True)
class Step:
    """A stage, the stages it needs, and whether something about it differs from dvc.lock."""

    name: str
    needs: list[str]
    changed: bool
    reads: tuple[str, ...] = ()  # products of other stages, by path
    about: str = ""  # dvc.yaml's sentence on it


@contextmanager
def project(folder: Path) -> Iterator[Repo]:
    """The DVC project in this folder; what is wrong with it is a `BadInput`."""
    for name in ("dvc", "dvc_data", "dvc_objects"):
        logging.getLogger(name).setLevel(logging.ERROR)
    try:
        with chdir(folder), Repo(_wait_for_lock=True) as repo:  # DVC names stages by the cwd
            yield repo
    except DvcException as error:
        wrong = " ".join(str(error).split()).rstrip(".")
        raise BadInput("dvc.yaml", wrong, "`dvc status` says more") from error


def cache(root: Path) -> Path:
    """The object cache that all worktrees share."""
    with project(root) as repo:
        return Path(repo.cache.local_cache_dir)


def checkout(folder: Path) -> None:
    """Link the products of dvc.lock into a worktree; what the cache lacks is left out."""
    with project(folder) as repo:
        repo.checkout(allow_missing=True, force=True)
        _copy_uncached(repo)


def publish(root: Path) -> None:
    """Link the products of dvc.lock into the user's `data/`, sparing what the user changed."""
    with project(root) as repo:
        try:
            repo.checkout(allow_missing=True)
            _copy_uncached(repo)
        except DvcException as error:
            _drop_corrupt(repo)
            wrong = " ".join(str(error).split()).rstrip(".")
            raise BadInput(root / "data", wrong, "move it away, then `dvc checkout`") from error


def _drop_corrupt(repo: Repo) -> None:
    """Take corrupt objects out of the cache, and the files that share their bytes; name the first.

    Through a hard link a rotten object looks as if the user had changed the product. Without it the
    next run makes the product anew; what the user did change is another file, and stays.
    """
    outs = [out for stage in repo.index.stages for out in stage.outs if out.use_cache]
    gone = []
    for out in (out for out in outs if out.hash_info and out.status()):
        for file, place in _linked(repo, out):
            if place.is_file() and not named_rightly(place):
                if file.is_file() and file.samefile(place):
                    file.unlink()
                place.unlink()
                gone.append(file.relative_to(repo.root_dir))
    if gone:
        more = f" (and {len(gone) - 1} more)" if gone[1:] else ""
        wrong = f"was corrupt in DVC's cache and is taken out of it{more}"
        raise BadInput(gone[0], wrong, "the same command makes it anew")


def _linked(repo: Repo, out: Any) -> Iterator[tuple[Path, Path]]:
    """Each file of a product with its object."""
    tree = out.get_obj()
    for key, _, found in tree if out.hash_info.isdir and tree else [((), None, out.hash_info)]:
        yield Path(out.fs_path, *key), Path(repo.cache.local.oid_to_path(found.value))


def named_rightly(place: Path) -> bool:
    """Whether a cached object is what its name, the digest, says."""
    with place.open("rb") as data:
        found = hashlib.file_digest(data, "md5").hexdigest()
    return found == place.parent.name + place.name.removesuffix(".dir")


def _copy_uncached(repo: Repo) -> None:
    """`dvc checkout` leaves out what is declared `cache: false`; the run cache has it though."""
    for out in (out for stage in repo.index.stages for out in stage.outs if not out.use_cache):
        made = Path(repo.cache.local.oid_to_path(out.hash_info.value)) if out.hash_info else None
        if made and made.is_file():
            with whole_file(Path(out.fs_path)) as draft:
                shutil.copyfile(made, draft)


def steps(folder: Path, target: str | None, force: bool) -> list[Step]:
    """The stages in an order that works: all, or `target` and what it needs."""
    with project(folder) as repo:
        graph = repo.index.graph
        every = {stage.addressing: stage for stage in graph}
        if target is not None and target not in every:
            raise BadInput(f"--stage {target}", "there is no such stage", _known(graph))
        part = set(graph)
        if target is not None:
            part = {every[target], *networkx.descendants(graph, every[target])}
        changed = set(repo.status(target, with_deps=target is not None))
        made = {out.def_path for stage in graph for out in stage.outs}
        forced = {target} if target else set(every)
        return [
            Step(
                stage.addressing,
                sorted(need.addressing for need in graph.successors(stage)),
                stage.addressing in changed or (force and stage.addressing in forced),
                tuple(dep.def_path for dep in stage.deps if dep.def_path in made),
                stage.desc or "",
            )
            for stage in _order(graph)
            if stage in part
        ]


def keys(folder: Path) -> set[str]:
    """What checkpoints of the stages in dvc.lock are named by."""
    file = folder / "dvc.lock"
    return {key_of(one) for one in load_yaml(file)["stages"].values()} if file.is_file() else set()


def outlook(folder: Path, stage: str) -> Fate:
    """What `dvc repro` is about to do with a stage whose needs are met."""
    with project(folder) as repo:
        if not repo.status([stage]):
            return "Unchanged"
        one, runs = repo.stage.get_target(stage), repo.stage_cache
        try:
            one.save_deps()
        except MissingDataSource:
            return "Ran"  # and fails, in its own words
        made = runs._load(one)  # private: pyproject.toml allows one minor release of DVC
        return "Restored" if made and runs._create_stage(made).outs_cached() else "Ran"


def describe(folder: Path, stage: str, state: Fate) -> StageRecord:
    """What dvc.lock and the metrics files say of a stage."""
    with project(folder) as repo:
        one = repo.stage.get_target(stage)
        metrics = [folder / out.def_path for out in one.outs if out.metric]
        needs = sorted(need.addressing for need in repo.index.graph.successors(one))
    entry = locked(folder).get(stage, {})
    params = {k: v for keys in entry.get("params", {}).values() for k, v in keys.items()}
    return StageRecord(
        state=state,
        needs=needs,
        inputs=[_file(item, folder) for item in entry.get("deps", [])],
        params=params,
        products=[_file(item, folder) for item in entry.get("outs", [])],
        metrics={k: v for path in metrics if path.is_file() for k, v in _metrics(path).items()},
    )


def locked(folder: Path) -> dict[str, dict[str, Any]]:
    """What dvc.lock says, by stage; {} where there is none."""
    return overrides.read(folder / "dvc.lock").get("stages", {})


def products(folder: Path) -> dict[str, list[File]]:
    """What dvc.lock says that each stage made."""
    outs = {name: entry.get("outs", []) for name, entry in locked(folder).items()}
    return {name: [_file(item, folder) for item in found] for name, found in outs.items()}


def models(folder: Path) -> set[str]:
    """Paths that dvc.yaml declares as models (`artifacts:` with `type: model`).

    Not asked of DVC: its answer imports gto, which resets all logging, and Prefect's handlers
    with it; now and then that is a deadlock (seen in 2 of 12 runs).
    """
    declared = overrides.read(folder / "dvc.yaml").get("artifacts", {})
    return {one["path"] for one in declared.values() if one.get("type") == "model"}


def slots(folder: Path) -> dict[str, str]:
    """Which of the machine's slots a stage wants: `meta: {slot: gpu}` in dvc.yaml."""
    known = overrides.read(folder / "dvc.yaml").get("stages", {})
    return {name: slot for name, one in known.items() if (slot := one.get("meta", {}).get("slot"))}


def _order(graph: Any) -> list[Any]:
    """By need, then as dvc.yaml lists them."""
    place = {stage: number for number, stage in enumerate(graph)}
    return list(networkx.lexicographical_topological_sort(graph.reverse(), key=place.__getitem__))


def _known(graph: Any) -> str:
    return f"known are {', '.join(stage.addressing for stage in _order(graph))}"


def _file(item: dict[str, Any], folder: Path) -> File:
    """A file of dvc.lock; a product may say in its `terms.json` under which terms it is here."""
    said = folder / item["path"] / "terms.json"
    terms = json.loads(said.read_text(encoding="utf-8"))["terms"] if said.is_file() else ""
    return File(path=item["path"], md5=item.get("md5", ""), size=item.get("size", 0), terms=terms)


def _metrics(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text())
