"""OpenLineage events of a run and of each stage that is executed: a chained file, and by URL.

The file is the truth; whoever listens at `OPENLINEAGE_URL` is told as soon as he can be reached.
"""

import os
import subprocess
import uuid
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit

import attr
from openlineage.client import event_v2 as ol
from openlineage.client import facet_v2 as facets
from openlineage.client.generated.base import RunFacet
from openlineage.client.serde import Serde

from flows.runs import overrides, terminal, worktree
from flows.runs.record import File, Record, StageRecord
from flows.tracking import event_chain, event_delivery
from flows.tracking import facets as data

if TYPE_CHECKING:  # DVC, which a night does without
    from flows.runs.dvc_project import Step

PRODUCER = f"urn:touchline:{metadata.version('touchline')}"
SPACE = uuid.uuid5(uuid.NAMESPACE_URL, "urn:touchline:runs")
SELDOM = 60.0  # seconds between two tries to reach a silent listener
TERMINAL = ("COMPLETE", "ABORT", "FAIL")
ENDS = {"completed": "COMPLETE", "failed": "FAIL", "killed": "ABORT"}
LONGEST = 2000  # characters of a parameter's value

ol.set_producer(PRODUCER)


@attr.define
class About(RunFacet):
    """Which run of ours an event is about, and what a stage took."""

    id: str
    stage: str = ""
    fate: str = ""
    seconds: float | None = None
    cpuSeconds: float | None = None
    peakMiB: float | None = None


@attr.define
class Withdrawn(RunFacet):
    """Whose words were taken out of the events before; `touchline.audit.chain` adds which."""

    tombstone: str
    lines: dict[str, str] = attr.field(factory=dict)


def file(root: Path) -> Path:
    return root / ".touchline" / "lineage" / "events.jsonl"


def run_id(id: str, stage: str = "") -> str:
    """OpenLineage's id of a run, or of a stage of it: the same each time it is asked for."""
    return str(uuid.uuid5(SPACE, f"{id}/{stage}" if stage else id))


class Events:
    """Tells of one run; `folder` is its worktree."""

    def __init__(self, root: Path, record: Record, folder: Path) -> None:
        self.root, self.record, self.folder = root, record, folder
        self.where = location(root, record.commit)
        self.due = terminal.Throttle(SELDOM)

    def began(self) -> None:
        told = {"executionParameters": parameters(self.record.params)}
        tell(self.root, [self._run("START", told)])

    def ended(self) -> None:
        """How it ended, and a word to the user where a listener could not be told."""
        record = self.record
        told = {"errorMessage": error(record.error)} if record.error else {}
        tell(self.root, [self._run(ENDS.get(record.state, "ABORT"), told)])
        if waits := deliver(self.root):
            terminal.say(waits)

    def stage_began(self, step: "Step") -> None:
        made = {file.path: file for file in self.record.products}
        given = [made[path] for path in step.reads if path in made]
        about = About(self.record.id, step.name)
        tell(self.root, [self._stage("START", step, {"touchline": about}, given, [])])
        if self.due():
            deliver(self.root)

    def stage_ended(self, step: "Step", done: StageRecord) -> None:
        """A failed stage has made nothing: what dvc.lock says of it is of an earlier run."""
        failed = done.state == "Failed"
        took = (done.seconds, done.cpu_seconds, done.peak_mib)
        told: dict[str, Any] = {"touchline": About(self.record.id, step.name, done.state, *took)}
        told["executionParameters"] = parameters(done.params)
        told |= {"errorMessage": error(done.error)} if failed else {}
        given = [] if failed else [f for f in done.inputs if f.path in step.reads]
        products = [] if failed else done.products
        kind = "FAIL" if failed else "COMPLETE"
        tell(self.root, [self._stage(kind, step, told, given, products)])

    def _run(self, kind: str, told: dict[str, Any]) -> ol.RunEvent:
        run = {"touchline": About(self.record.id), **self._engine("Prefect", "prefect"), **told}
        job = {"jobType": kind_of("DAG", "PREFECT"), "sourceCodeLocation": self.where}
        return event(self.root, kind, run_id(self.record.id), "retrain", run, job)

    def _stage(
        self,
        kind: str,
        step: "Step",
        told: dict[str, Any],
        given: Sequence[File],
        products: Sequence[File],
    ) -> ol.RunEvent:
        run = {**told, **self._engine("DVC", "dvc"), "parent": self._parent()}
        job = {"jobType": kind_of("TASK", "DVC"), "sourceCodeLocation": self.where}
        if step.about:
            job["documentation"] = facets.documentation_job.DocumentationJobFacet(step.about)
        by = f"made by {step.name}" + (f": {step.about}" if step.about else "")
        inputs = [data.read(self.root, one, self.folder / one.path) for one in given]
        outputs = [data.made(self.root, one, self.folder / one.path, by) for one in products]
        id = run_id(self.record.id, step.name)
        return event(self.root, kind, id, f"retrain.{step.name}", run, job, inputs, outputs)

    def _parent(self) -> Any:
        return parent(self.root, run_id(self.record.id), "retrain")

    def _engine(self, name: str, package: str) -> dict[str, Any]:
        version = self.record.versions.get(package) or metadata.version(package)
        return {"processing_engine": engine(name, version)}


def abort(root: Path, id: str, why: str) -> None:
    """Close what a killed run or night left open; what is closed already stays as it is."""
    links = event_chain.read(file(root), mentions=f'"id":"{id}"').links
    seen: dict[str, event_chain.Link] = {}
    for link in links:
        kind, run = link.event["eventType"], link.event["run"]["runId"]
        seen = (
            {**seen, run: link} if kind == "START" else {k: v for k, v in seen.items() if k != run}
        )
    tell(root, [_aborted(root, link, why) for link in reversed(seen.values())])


def _aborted(root: Path, begun: event_chain.Link, why: str) -> ol.RunEvent:
    run, job = begun.event["run"], begun.event["job"]
    about = run["facets"]["touchline"]
    told: dict[str, Any] = {"touchline": About(about["id"], about.get("stage", ""))}
    told["errorMessage"] = error(why)
    if up := run["facets"].get("parent"):
        told["parent"] = parent(root, up["run"]["runId"], up["job"]["name"])
    return event(root, "ABORT", run["runId"], job["name"], told, {})


def event(
    root: Path,
    kind: str,
    id: str,
    job: str,
    run_facets: dict[str, Any],
    job_facets: dict[str, Any],
    inputs: Sequence[ol.InputDataset] = (),
    outputs: Sequence[ol.OutputDataset] = (),
) -> ol.RunEvent:
    return ol.RunEvent(
        eventTime=datetime.now(UTC).isoformat(),
        producer=PRODUCER,
        run=ol.Run(id, run_facets),
        job=ol.Job(data.project(root), job, job_facets),
        eventType=ol.RunState(kind),
        inputs=list(inputs),
        outputs=list(outputs),
    )


def tell(root: Path, events: Sequence[ol.RunEvent]) -> None:
    """Write them down."""
    event_chain.append(file(root), [Serde.to_dict(one) for one in events])


def blot(root: Path, change: Callable[[bytes], bytes], stone: str) -> None:
    """Take words out of the events; one more event says for which tombstone, and in which lines."""
    facets: dict[str, Any] = {event_chain.BLOTTED: Withdrawn(stone)}
    told = event(root, "OTHER", run_id(stone, "withdrawal"), "withdrawal", facets, {})
    event_chain.blot(file(root), change, Serde.to_dict(told))


def deliver(root: Path) -> str:
    """Send what waits to `OPENLINEAGE_URL`, if there is one; "" or why some of it still waits."""
    url = os.environ.get("OPENLINEAGE_URL", "")
    if not url:
        return ""
    key = os.environ.get("OPENLINEAGE_API_KEY", "")
    place = os.environ.get("OPENLINEAGE_ENDPOINT", event_delivery.ENDPOINT)
    return event_delivery.send(file(root), event_delivery.Address(url, key, place))


def location(root: Path, commit: str) -> Any:
    """The commit, at its public address where the checkout has one."""
    try:
        origin = worktree.git(root, "remote", "get-url", "origin").strip()
    except subprocess.CalledProcessError:
        origin = ""
    address = _bare(origin)
    return facets.source_code_location_job.SourceCodeLocationJobFacet(
        type="git",
        url=f"{address}/tree/{commit}" if address else f"urn:git:{commit}",
        repoUrl=address or None,
        version=commit,
    )


def _bare(origin: str) -> str:
    """Without name and password; "" for a path of this machine."""
    parts = urlsplit(origin)
    if parts.scheme not in ("http", "https", "ssh", "git") or not parts.hostname:
        return ""
    port = f":{parts.port}" if parts.port else ""
    return urlunsplit((parts.scheme, f"{parts.hostname}{port}", parts.path, "", ""))


def parent(root: Path, run: str, job: str) -> Any:
    """The run, by OpenLineage's id, that an event's run is a part of."""
    room, up = data.project(root), facets.parent_run
    return up.ParentRunFacet(
        run=up.Run(run),
        job=up.Job(room, job),
        root=up.Root(run=up.RootRun(run), job=up.RootJob(room, job)),
    )


def parameters(params: dict[str, Any]) -> Any:
    one = facets.execution_parameters_run
    flat = overrides.flat(params)
    return one.ExecutionParametersRunFacet(
        [one.ExecutionParameter(key=k, value=str(v)[:LONGEST]) for k, v in flat.items()]
    )


def engine(name: str, version: str) -> Any:
    return facets.processing_engine_run.ProcessingEngineRunFacet(
        version=version, name=name, openlineageAdapterVersion=metadata.version("touchline")
    )


def error(words: str) -> Any:
    return facets.error_message_run.ErrorMessageRunFacet(words, "PYTHON")


def kind_of(job: str, engine: str) -> Any:
    return facets.job_type_job.JobTypeJobFacet("BATCH", engine, job)
