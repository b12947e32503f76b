"""OpenLineage events of a night and of each candidate that is asked, in the chain of the runs."""

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
from flows.nightly.record import Candidate, Model, Night
from flows.runs import record as runs
from flows.runs import terminal
from flows.tracking import facets, openlineage
from touchline.errors import BadInput

if TYPE_CHECKING:
    from flows.nightly.session import Going

JOB, ASK = "nightly", "nightly.ask"


@attr.define
class Found(RunFacet):
    """What a night was about and what it found."""

    benchmark: str = ""  # digest
    questions: int = 0
    champion: str = ""  # digest of its weights, before the gate
    championAfter: str = ""
    sentence: str = ""


@attr.define
class Asked(RunFacet):
    """Which model was asked, and how it did."""

    model: str
    md5: str
    answers: str = ""  # digest of what was answered
    overall: float | None = None
    failed: int = 0


def run_id(night: str, name: str = "") -> str:
    """OpenLineage's id of a night, or of a candidate's turn in it."""
    return openlineage.run_id(f"night/{night}", name)


def began(root: Path, night: Night) -> None:
    openlineage.tell(root, [_night(root, "START", night, {})])
    openlineage.deliver(root)


def ended(root: Path, night: Night) -> None:
    """How it ended, with what it read and made; a word to the user where nobody could be told."""
    found = Found(
        benchmark=night.benchmark.get("digest", ""),
        questions=night.benchmark.get("questions", 0),
        champion=night.champion.md5 if night.champion else "",
        championAfter=night.champion_after.md5 if night.champion_after else "",
        sentence=night.sentence,
    )
    told: dict[str, Any] = {"touchline_night": found}
    told |= {"errorMessage": openlineage.error(night.error)} if night.error else {}
    models = [_model(root, one.model) for one in night.candidates.values()]
    kind = openlineage.ENDS.get(night.state, "ABORT")
    given = [*_benchmark(root, night), *models]
    openlineage.tell(root, [_night(root, kind, night, told, given, list(_made(root, night)))])
    if waits := openlineage.deliver(root):
        terminal.say(waits)


@contextmanager
def asked(going: "Going", name: str) -> Iterator[None]:
    """Tell of a candidate's turn: it failed where there is no answer of it, or an error ends it."""
    one = going.night.candidates.get(name)  # None: the floors that need no model
    given = _benchmark(going.root, going.night)
    given += [_model(going.root, one.model)] if one else []
    openlineage.tell(going.root, [_turn(going, "START", name, {}, given)])
    try:
        yield
    except BaseException as error:
        kind = "FAIL" if isinstance(error, Exception) else "ABORT"
        _turn_ended(going, kind, name, " ".join(str(error).split()) or repr(error), given)
        raise
    wrong = one.error if one else ""
    _turn_ended(going, "FAIL" if wrong else "COMPLETE", name, wrong, given)
    if going.due():
        openlineage.deliver(going.root)


def _turn_ended(
    going: "Going", kind: str, name: str, wrong: str, given: Sequence[ol.InputDataset]
) -> None:
    one = going.night.candidates.get(name)
    told: dict[str, Any] = {"touchline_candidate": _asked(one)} if one else {}
    told |= {"errorMessage": openlineage.error(wrong)} if wrong else {}
    file = one.file if one else going.night.floors_file
    made = [f"nights/answers/{file}"] if file and kind == "COMPLETE" else []
    outputs = [_kept(going.root, path, f"answers of {name}") for path in made]
    openlineage.tell(going.root, [_turn(going, kind, name, told, given, outputs)])


def _asked(one: Candidate) -> Asked:
    model, found = one.model, one.overall.get("value")
    return Asked(model.name, model.md5, one.answers, found, one.failed)


def _night(
    root: Path,
    kind: str,
    night: Night,
    told: dict[str, Any],
    given: Sequence[ol.InputDataset] = (),
    made: Sequence[ol.OutputDataset] = (),
) -> ol.RunEvent:
    run = {"touchline": openlineage.About(night.id), **_engine(), **told}
    job = {
        "jobType": openlineage.kind_of("DAG", "PREFECT"),
        "sourceCodeLocation": _code(root, night),
    }
    return openlineage.event(root, kind, run_id(night.id), JOB, run, job, given, made)


def _turn(
    going: "Going",
    kind: str,
    name: str,
    told: dict[str, Any],
    given: Sequence[ol.InputDataset],
    made: Sequence[ol.OutputDataset] = (),
) -> ol.RunEvent:
    root, night = going.root, going.night
    run = {"touchline": openlineage.About(night.id, name), **_engine(), **told}
    run["parent"] = openlineage.parent(root, run_id(night.id), JOB)
    job = {
        "jobType": openlineage.kind_of("TASK", "PREFECT"),
        "sourceCodeLocation": _code(root, night),
    }
    return openlineage.event(root, kind, run_id(night.id, name), ASK, run, job, given, made)


def _engine() -> dict[str, Any]:
    return {"processing_engine": openlineage.engine("Prefect", metadata.version("prefect"))}


def _code(root: Path, night: Night) -> Any:
    return openlineage.location(root, night.commit.split(",")[0])


def _benchmark(root: Path, night: Night) -> list[ol.InputDataset]:
    """The products that hold the questions, as their run made them."""
    if not night.benchmark:
        return []
    try:
        run = runs.find(root, night.benchmark["run"])
    except BadInput:  # its record is gone since
        return []
    wanted = {f"data/{name}" for name in benchmark.PRODUCTS}
    made = [file for file in run.products if file.path in wanted]
    return [facets.named(root, file.path, file.md5) for file in made]


def _model(root: Path, model: Model) -> ol.InputDataset:
    return facets.named(root, model.path, model.md5)


def _made(root: Path, night: Night) -> Iterator[ol.OutputDataset]:
    """Evidence of the gate, and the page."""
    for one in night.candidates.values():
        if one.evidence:
            yield _kept(root, f"gate/{one.evidence}", f"evidence of the gate on {one.model.name}")
    if night.page:
        yield _kept(root, f"nights/{night.page}", "the page of the night")


def _kept(root: Path, path: str, by: str) -> ol.OutputDataset:
    """A file below `.touchline`, by the MD5 of its bytes, as DVC would have it."""
    file = root / ".touchline" / path
    data = file.read_bytes()
    version = runs.File(path=path, md5=hashlib.md5(data).hexdigest(), size=len(data))
    return facets.made(root, version, file, by, facets.beside(root))
