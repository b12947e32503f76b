"""OpenLineage events of a night and of each candidate's evaluation, appended to the same event
chain as those of the runs.
"""

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attr
from openlineage.client import event_v2 as ol
from openlineage.client.generated.base import RunFacet

from flows.nightly import benchmark
from flows.nightly.record import NightCandidate, NightRecord
from flows.runs import record as runs
from flows.runs import terminal
from flows.runs.run_model import RunModel
from flows.tracking import facets, openlineage
from touchline.errors import InputError

if TYPE_CHECKING:
    from flows.nightly.session import NightSession

JOB, ASK = "nightly", "nightly.ask"


@attr.define
class NightFacet(RunFacet):
    """OpenLineage run facet: a night's benchmark, champions before and after, and
    summary sentence.
    """

    benchmark: str = ""  # digest
    questions: int = 0
    champion: str = ""  # digest of its weights, before the gate
    championAfter: str = ""
    sentence: str = ""


@attr.define
class CandidateFacet(RunFacet):
    """OpenLineage run facet: the evaluated model, the digest of its answers, its overall score and
    failed questions.
    """

    model: str
    md5: str
    answers: str = ""  # digest of what was answered
    overall: float | None = None
    failed: int = 0


def make_night_run_id(night: str, name: str = "") -> str:
    """OpenLineage run id of a night, or of one candidate's evaluation in it."""
    return openlineage.make_openlineage_run_id(f"night/{night}", name)


def emit_night_start(root: Path, night: NightRecord) -> None:
    """Emit the START event of a night."""
    openlineage.append_events(root, [_night_event(root, "START", night, {})])
    openlineage.deliver_events(root)


def emit_night_end(root: Path, night: NightRecord) -> None:
    """Emit the final event of a night with its inputs and outputs. Prints a line if events could
    not be delivered.
    """
    night_facet = NightFacet(
        benchmark=night.benchmark.get("digest", ""),
        questions=night.benchmark.get("questions", 0),
        champion=night.champion.md5 if night.champion else "",
        championAfter=night.champion_after.md5 if night.champion_after else "",
        sentence=night.sentence,
    )
    extra_facets: dict[str, Any] = {"touchline_night": night_facet}
    extra_facets |= (
        {"errorMessage": openlineage.build_error_facet(night.error)} if night.error else {}
    )
    models = [_model_dataset(root, candidate.model) for candidate in night.candidates.values()]
    kind = openlineage.END_EVENT_TYPES.get(night.state, "ABORT")
    inputs = [*_benchmark_datasets(root, night), *models]
    openlineage.append_events(
        root,
        [
            _night_event(
                root, kind, night, extra_facets, inputs, list(_output_datasets(root, night))
            )
        ],
    )
    if undelivered := openlineage.deliver_events(root):
        terminal.print_line(undelivered)


@contextmanager
def emit_candidate_events(session: "NightSession", name: str) -> Iterator[None]:
    """Context manager: emit the events of one candidate's evaluation. FAIL if it has no answers or
    an exception is raised, ABORT if it is interrupted.
    """
    candidate = session.night.candidates.get(name)  # None: the floors that need no model
    inputs = _benchmark_datasets(session.root, session.night)
    inputs += [_model_dataset(session.root, candidate.model)] if candidate else []
    openlineage.append_events(session.root, [_candidate_event(session, "START", name, {}, inputs)])
    try:
        yield
    except BaseException as error:  # any end must close the event chain; it is raised again
        kind = "FAIL" if isinstance(error, Exception) else "ABORT"
        _emit_candidate_end(
            session, kind, name, " ".join(str(error).split()) or repr(error), inputs
        )
        raise
    error_message = candidate.error if candidate else ""
    _emit_candidate_end(
        session, "FAIL" if error_message else "COMPLETE", name, error_message, inputs
    )
    if session.delivery_due():
        openlineage.deliver_events(session.root)


def _emit_candidate_end(
    session: "NightSession",
    kind: str,
    name: str,
    error_message: str,
    inputs: Sequence[ol.InputDataset],
) -> None:
    candidate = session.night.candidates.get(name)
    extra_facets: dict[str, Any] = (
        {"touchline_candidate": _candidate_facet(candidate)} if candidate else {}
    )
    extra_facets |= (
        {"errorMessage": openlineage.build_error_facet(error_message)} if error_message else {}
    )
    file = candidate.file if candidate else session.night.floors_file
    output_paths = [f"nights/answers/{file}"] if file and kind == "COMPLETE" else []
    outputs = [_output_dataset(session.root, path, f"answers of {name}") for path in output_paths]
    openlineage.append_events(
        session.root, [_candidate_event(session, kind, name, extra_facets, inputs, outputs)]
    )


def _candidate_facet(candidate: NightCandidate) -> CandidateFacet:
    model, overall = candidate.model, candidate.overall.get("value")
    return CandidateFacet(model.name, model.md5, candidate.answers, overall, candidate.failed)


def _night_event(
    root: Path,
    kind: str,
    night: NightRecord,
    extra_facets: dict[str, Any],
    inputs: Sequence[ol.InputDataset] = (),
    outputs: Sequence[ol.OutputDataset] = (),
) -> ol.RunEvent:
    run = {"touchline": openlineage.TouchlineRunFacet(night.id), **_engine_facet(), **extra_facets}
    job = {
        "jobType": openlineage.build_job_type_facet("DAG", "PREFECT"),
        "sourceCodeLocation": _code_location(root, night),
    }
    return openlineage.build_run_event(
        root, kind, make_night_run_id(night.id), JOB, run, job, inputs, outputs
    )


def _candidate_event(
    session: "NightSession",
    kind: str,
    name: str,
    extra_facets: dict[str, Any],
    inputs: Sequence[ol.InputDataset],
    outputs: Sequence[ol.OutputDataset] = (),
) -> ol.RunEvent:
    root, night = session.root, session.night
    run = {
        "touchline": openlineage.TouchlineRunFacet(night.id, name),
        **_engine_facet(),
        **extra_facets,
    }
    run["parent"] = openlineage.build_parent_facet(root, make_night_run_id(night.id), JOB)
    job = {
        "jobType": openlineage.build_job_type_facet("TASK", "PREFECT"),
        "sourceCodeLocation": _code_location(root, night),
    }
    return openlineage.build_run_event(
        root, kind, make_night_run_id(night.id, name), ASK, run, job, inputs, outputs
    )


def _engine_facet() -> dict[str, Any]:
    return {
        "processing_engine": openlineage.build_engine_facet("Prefect", metadata.version("prefect"))
    }


def _code_location(root: Path, night: NightRecord) -> Any:
    return openlineage.build_code_location(root, night.commit.split(",")[0])


def _benchmark_datasets(root: Path, night: NightRecord) -> list[ol.InputDataset]:
    """The products that hold the questions, as their run made them."""
    if not night.benchmark:
        return []
    try:
        run = runs.find_run(root, night.benchmark["run"])
    except InputError:  # its record is gone since
        return []
    paths = {f"data/{name}" for name in benchmark.PRODUCTS}
    files = [file for file in run.products if file.path in paths]
    return [facets.build_dataset_reference(root, file.path, file.md5) for file in files]


def _model_dataset(root: Path, model: RunModel) -> ol.InputDataset:
    return facets.build_dataset_reference(root, model.path, model.md5)


def _output_datasets(root: Path, night: NightRecord) -> Iterator[ol.OutputDataset]:
    """Evidence of the gate, and the page."""
    for candidate in night.candidates.values():
        if candidate.evidence:
            yield _output_dataset(
                root,
                f"gate/{candidate.evidence}",
                f"evidence of the gate on {candidate.model.name}",
            )
    if night.page:
        yield _output_dataset(root, f"nights/{night.page}", "the page of the night")


def _output_dataset(root: Path, path: str, description: str) -> ol.OutputDataset:
    """A file below `.touchline`, by the MD5 of its bytes, as DVC would have it."""
    file = root / ".touchline" / path
    data = file.read_bytes()
    version = runs.TrackedFile(path=path, md5=hashlib.md5(data).hexdigest(), size=len(data))
    return facets.build_output_dataset(
        root, version, file, description, facets.get_state_namespace(root)
    )
