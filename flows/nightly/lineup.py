"""Who takes part in a night: the benchmark of a pinned run, the champion, and the challengers."""

from collections.abc import Iterable
from pathlib import Path

from flows.nightly import benchmark, record
from flows.nightly.benchmark import Benchmark
from flows.nightly.record import Candidate, Model
from flows.nightly.session import Going
from flows.runs import overrides
from flows.runs import record as runs
from flows.runs.record import File, Record
from flows.store.dvc_cache import restore
from flows.tracking import mlflow_registry
from touchline.errors import BadInput


def assemble(going: Going) -> None:
    """Fill in benchmark, champion and candidates; restore what they are made of."""
    pin(going)
    found = mlflow_registry.champion(mlflow_registry.client())
    going.night.champion = going.night.champion_after = found[0] if found else None
    models = ([found[0]] if found else []) + challengers(going)
    if not models:
        wrong = "no completed run has a model that takes part"
        raise BadInput("nightly", wrong, "`make retrain` first, or see nightly.models")
    going.night.candidates = {model.name: Candidate(model=model) for model in models}
    going.save()


def pin(going: Going) -> None:
    """Restore the benchmark's products, and write its run's own settings beside them."""
    run = _pinned(going)
    products = {name: _product(run, f"data/{name}").md5 for name in benchmark.PRODUCTS}
    digest = benchmark.digest(products, _settings(run))
    folder = going.folder / "benchmarks" / digest[:16]
    for name, md5 in products.items():
        restore(going.cache, md5, folder / name, f"data/{name} of run {run.id}")
    benchmark.pin(folder, run.params)
    going.benchmark = Benchmark(folder)
    test = going.benchmark.bench.asked
    going.night.benchmark = {
        "run": run.id,
        "digest": digest,
        "questions": len(test),
        "matches": len({question.match for question in test}),
    }


def _pinned(going: Going) -> Record:
    """The run asked for, that of params.yaml, that of the last night, or the last that has one."""
    last = record.last(going.root)
    wanted = going.request.benchmark or going.nightly.benchmark
    wanted = wanted or (last.benchmark["run"] if last else "")
    if wanted:
        return runs.find(going.root, wanted)
    whole = [run for run in completed(going.root) if _has(run, benchmark.PRODUCTS)]
    if not whole:
        wrong = "no completed run has test questions"
        raise BadInput("nightly", wrong, "`make retrain` makes one")
    return whole[-1]


def _settings(run: Record) -> dict:
    missing = [name for name in benchmark.SECTIONS if name not in run.params]
    if missing:
        wrong = f"its params have no section {missing[0]}"
        raise BadInput(f"run {run.id}", wrong, "pin a newer run (nightly.benchmark)")
    return run.params


def challengers(going: Going) -> list[Model]:
    """The models asked for; or those no completed night has asked; or, of none, the newest."""
    if going.request.runs:
        every = [runs.find(going.root, wanted) for wanted in going.request.runs]
        return [model for run in every for model in models(going.root, run, going.nightly.models)]
    made = lineage(going.root, going.nightly.models)
    champion = going.night.champion
    made = [model for model in made if champion is None or model.md5 != champion.md5]
    new = [model for model in made if model.md5 not in _asked_before(going)]
    return new[-going.nightly.most :] or made[-1:]


def _asked_before(going: Going) -> set[str]:
    digest = going.night.benchmark["digest"]
    nights = [n for n in record.every(going.root) if n.benchmark.get("digest") == digest]
    done = [night for night in nights if night.state == "completed"]
    return {one.model.md5 for night in done for one in night.candidates.values() if one.answers}


def lineage(root: Path, names: Iterable[str]) -> list[Model]:
    """The models of all completed runs, the oldest first; equal weights once, as first made."""
    found: dict[str, Model] = {}
    for run in completed(root):
        for model in models(root, run, names):
            found.setdefault(model.md5, model)
    return list(found.values())


def models(root: Path, run: Record, names: Iterable[str]) -> list[Model]:
    """The models of one run by the names that dvc.yaml gives them."""
    declared = overrides.read(root / "dvc.yaml").get("artifacts", {})
    unknown = [name for name in names if name not in declared]
    if unknown:
        known = f"known are {', '.join(declared)}"
        raise BadInput("params.yaml: nightly.models", f"dvc.yaml has no {unknown[0]}", known)
    products = {file.path: file for file in run.products}
    paths = [(name, declared[name]["path"]) for name in names]
    return [
        Model(name=f"{run.id}/{name}", run=run.id, path=path, md5=products[path].md5)
        for name, path in paths
        if path in products and path not in run.gone
    ]


def completed(root: Path) -> list[Record]:
    return [run for run in runs.every(root) if run.state == "completed"]


def _has(run: Record, names: Iterable[str]) -> bool:
    paths = {file.path for file in run.products} - run.gone
    return all(f"data/{name}" in paths for name in names)


def _product(run: Record, path: str) -> File:
    found = [file for file in run.products if file.path == path]
    if not found:
        wrong = f"made no {path}"
        raise BadInput(f"run {run.id}", wrong, "pin a whole run (nightly.benchmark)")
    return found[0]
