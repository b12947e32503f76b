"""Choose what a night evaluates: the benchmark from a pinned run, the current champion, and the
challengers.
"""

from collections.abc import Iterable
from pathlib import Path

from flows.nightly import benchmark, record
from flows.nightly.benchmark import NightlyBenchmark
from flows.nightly.record import NightCandidate
from flows.nightly.session import NightSession
from flows.runs import overrides
from flows.runs import record as runs
from flows.runs.record import RunRecord, TrackedFile
from flows.runs.run_model import RunModel
from flows.store.dvc_cache import restore_product_folder
from flows.tracking import mlflow_registry
from touchline.errors import InputError


def assemble_lineup(session: NightSession) -> None:
    """Fill in the night's benchmark, champion and candidates, and restore the benchmark's products
    from the cache. Raises an input error if there is no model to evaluate.
    """
    restore_benchmark(session)
    current = mlflow_registry.find_champion_version(mlflow_registry.open_mlflow_client())
    session.night.champion = session.night.champion_after = current[0] if current else None
    models = ([current[0]] if current else []) + select_challengers(session)
    if not models:
        wrong = "no completed run has a model that takes part"
        raise InputError("nightly", wrong, "`make retrain` first, or see nightly.models")
    session.night.candidates = {model.name: NightCandidate(model=model) for model in models}
    session.save()


def restore_benchmark(session: NightSession) -> None:
    """Restore the products of the benchmark run into a folder named by their digest, with that
    run's own parameters beside them.
    """
    run = _benchmark_run(session)
    products = {name: _find_product(run, f"data/{name}").md5 for name in benchmark.PRODUCTS}
    digest = benchmark.digest_benchmark(products, _benchmark_params(run))
    folder = session.folder / "benchmarks" / digest[:16]
    for name, md5 in products.items():
        restore_product_folder(session.cache, md5, folder / name, f"data/{name} of run {run.id}")
    benchmark.write_benchmark_params(folder, run.params)
    session.benchmark = NightlyBenchmark(folder)
    test = session.benchmark.bench.split_questions
    session.night.benchmark = {
        "run": run.id,
        "digest": digest,
        "questions": len(test),
        "matches": len({question.match for question in test}),
    }


def _benchmark_run(session: NightSession) -> RunRecord:
    """The benchmark run: the one requested, else that of params.yaml, else that of the last night,
    else the last completed run with all products.
    """
    last = record.find_last_completed_night(session.root)
    run_id = session.request.benchmark or session.nightly.benchmark
    run_id = run_id or (last.benchmark["run"] if last else "")
    if run_id:
        return runs.find_run(session.root, run_id)
    complete = [
        run for run in list_completed_runs(session.root) if _has_products(run, benchmark.PRODUCTS)
    ]
    if not complete:
        wrong = "no completed run has test questions"
        raise InputError("nightly", wrong, "`make retrain` makes one")
    return complete[-1]


def _benchmark_params(run: RunRecord) -> dict:
    missing = [name for name in benchmark.SECTIONS if name not in run.params]
    if missing:
        wrong = f"its params have no section {missing[0]}"
        raise InputError(f"run {run.id}", wrong, "pin a newer run (nightly.benchmark)")
    return run.params


def select_challengers(session: NightSession) -> list[RunModel]:
    """The models requested; else the newest ones that no completed night has evaluated on this
    benchmark; else the newest model.
    """
    if session.request.runs:
        chosen = [runs.find_run(session.root, run_id) for run_id in session.request.runs]
        return [
            model
            for run in chosen
            for model in list_run_models(session.root, run, session.nightly.models)
        ]
    lineage_models = list_model_lineage(session.root, session.nightly.models)
    champion = session.night.champion
    lineage_models = [
        model for model in lineage_models if champion is None or model.md5 != champion.md5
    ]
    new = [model for model in lineage_models if model.md5 not in _evaluated_digests(session)]
    return new[-session.nightly.most :] or lineage_models[-1:]


def _evaluated_digests(session: NightSession) -> set[str]:
    digest = session.night.benchmark["digest"]
    nights = [
        n for n in record.list_night_records(session.root) if n.benchmark.get("digest") == digest
    ]
    done = [night for night in nights if night.state == "completed"]
    return {
        candidate.model.md5
        for night in done
        for candidate in night.candidates.values()
        if candidate.answers
    }


def list_model_lineage(root: Path, names: Iterable[str]) -> list[RunModel]:
    """The models of all completed runs, oldest first. Identical weights are listed once, for the
    run that made them first.
    """
    models_by_digest: dict[str, RunModel] = {}
    for run in list_completed_runs(root):
        for model in list_run_models(root, run, names):
            models_by_digest.setdefault(model.md5, model)
    return list(models_by_digest.values())


def list_run_models(root: Path, run: RunRecord, names: Iterable[str]) -> list[RunModel]:
    """The models of one run for these artifact names of dvc.yaml; withdrawn ones are left out.
    Raises an input error for an unknown name.
    """
    declared = overrides.read_yaml_mapping(root / "dvc.yaml").get("artifacts", {})
    unknown = [name for name in names if name not in declared]
    if unknown:
        remedy = f"known are {', '.join(declared)}"
        raise InputError("params.yaml: nightly.models", f"dvc.yaml has no {unknown[0]}", remedy)
    products = {file.path: file for file in run.products}
    paths = [(name, declared[name]["path"]) for name in names]
    return [
        RunModel(name=f"{run.id}/{name}", run=run.id, path=path, md5=products[path].md5)
        for name, path in paths
        if path in products and path not in run.withdrawn_paths
    ]


def list_completed_runs(root: Path) -> list[RunRecord]:
    """All completed runs, oldest first."""
    return [run for run in runs.list_runs(root) if run.state == "completed"]


def _has_products(run: RunRecord, names: Iterable[str]) -> bool:
    paths = {file.path for file in run.products} - run.withdrawn_paths
    return all(f"data/{name}" in paths for name in names)


def _find_product(run: RunRecord, path: str) -> TrackedFile:
    matching = [file for file in run.products if file.path == path]
    if not matching:
        wrong = f"made no {path}"
        raise InputError(f"run {run.id}", wrong, "pin a whole run (nightly.benchmark)")
    return matching[0]
