"""OpenLineage events of a run and of each executed stage, written to a hash-chained file and sent
to a URL.

Events are always appended to `.touchline/lineage/events.jsonl`; those that `OPENLINEAGE_URL` could
not receive yet are sent later.
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
from flows.runs.record import RunRecord, StageRecord, TrackedFile
from flows.tracking import event_chain, event_delivery
from flows.tracking import facets as data

if TYPE_CHECKING:  # DVC, which a night does without
    from flows.runs.dvc_project import PipelineStep

PRODUCER = f"urn:touchline:{metadata.version('touchline')}"
RUN_ID_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "urn:touchline:runs")
DELIVERY_INTERVAL = 60.0  # seconds between two tries to reach a silent listener
TERMINAL = ("COMPLETE", "ABORT", "FAIL")
END_EVENT_TYPES = {"completed": "COMPLETE", "failed": "FAIL", "killed": "ABORT"}
MAX_PARAMETER_LENGTH = 2000  # characters of a parameter's value

ol.set_producer(PRODUCER)


@attr.define
class TouchlineRunFacet(RunFacet):
    """OpenLineage run facet `touchline`: the run's id, the stage, its outcome and what it cost."""

    id: str
    stage: str = ""
    fate: str = ""
    seconds: float | None = None
    cpuSeconds: float | None = None
    peakMiB: float | None = None


@attr.define
class WithdrawalFacet(RunFacet):
    """OpenLineage run facet for a redaction of earlier events: the tombstone's id, and the changed
    lines, which `touchline.audit.chain` fills in.
    """

    tombstone: str
    lines: dict[str, str] = attr.field(factory=dict)


def get_events_file(root: Path) -> Path:
    """Path of the chained event file."""
    return root / ".touchline" / "lineage" / "events.jsonl"


def make_openlineage_run_id(id: str, stage: str = "") -> str:
    """OpenLineage id (uuid5) of a run, or of one of its stages; deterministic."""
    return str(uuid.uuid5(RUN_ID_NAMESPACE, f"{id}/{stage}" if stage else id))


class RunEvents:
    """Emits the events of one run; `folder` is its worktree."""

    def __init__(self, root: Path, record: RunRecord, folder: Path) -> None:
        self.root, self.record, self.folder = root, record, folder
        self.code_location = build_code_location(root, record.commit)
        self.due = terminal.Throttle(DELIVERY_INTERVAL)

    def run_began(self) -> None:
        """Emit the START event of the run."""
        run_facets = {"executionParameters": build_parameters_facet(self.record.params)}
        append_events(self.root, [self._run_event("START", run_facets)])

    def run_ended(self) -> None:
        """Emit the end event of the run and print a warning if events could not be delivered."""
        record = self.record
        run_facets = {"errorMessage": build_error_facet(record.error)} if record.error else {}
        append_events(
            self.root, [self._run_event(END_EVENT_TYPES.get(record.state, "ABORT"), run_facets)]
        )
        if warning := deliver_events(self.root):
            terminal.print_line(warning)

    def stage_began(self, step: "PipelineStep") -> None:
        """Emit the START event of a stage with the inputs that are known already."""
        products = {file.path: file for file in self.record.products}
        stage_inputs = [products[path] for path in step.reads if path in products]
        stage_facet = TouchlineRunFacet(self.record.id, step.name)
        append_events(
            self.root,
            [self._stage_event("START", step, {"touchline": stage_facet}, stage_inputs, [])],
        )
        if self.due():
            deliver_events(self.root)

    def stage_ended(self, step: "PipelineStep", done: StageRecord) -> None:
        """Emit the end event of a stage. A failed stage gets no inputs and outputs, because
        dvc.lock still describes an earlier run.
        """
        failed = done.state == "Failed"
        costs = (done.seconds, done.cpu_seconds, done.peak_mib)
        run_facets: dict[str, Any] = {
            "touchline": TouchlineRunFacet(self.record.id, step.name, done.state, *costs)
        }
        run_facets["executionParameters"] = build_parameters_facet(done.params)
        run_facets |= {"errorMessage": build_error_facet(done.error)} if failed else {}
        stage_inputs = [] if failed else [f for f in done.inputs if f.path in step.reads]
        products = [] if failed else done.products
        kind = "FAIL" if failed else "COMPLETE"
        append_events(
            self.root, [self._stage_event(kind, step, run_facets, stage_inputs, products)]
        )

    def _run_event(self, kind: str, extra_facets: dict[str, Any]) -> ol.RunEvent:
        run = {
            "touchline": TouchlineRunFacet(self.record.id),
            **self._engine_facet("Prefect", "prefect"),
            **extra_facets,
        }
        job = {
            "jobType": build_job_type_facet("DAG", "PREFECT"),
            "sourceCodeLocation": self.code_location,
        }
        return build_run_event(
            self.root, kind, make_openlineage_run_id(self.record.id), "retrain", run, job
        )

    def _stage_event(
        self,
        kind: str,
        step: "PipelineStep",
        extra_facets: dict[str, Any],
        stage_inputs: Sequence[TrackedFile],
        products: Sequence[TrackedFile],
    ) -> ol.RunEvent:
        run = {**extra_facets, **self._engine_facet("DVC", "dvc"), "parent": self._parent_facet()}
        job = {
            "jobType": build_job_type_facet("TASK", "DVC"),
            "sourceCodeLocation": self.code_location,
        }
        if step.about:
            job["documentation"] = facets.documentation_job.DocumentationJobFacet(step.about)
        description = f"made by {step.name}" + (f": {step.about}" if step.about else "")
        inputs = [
            data.build_input_dataset(self.root, dataset, self.folder / dataset.path)
            for dataset in stage_inputs
        ]
        outputs = [
            data.build_output_dataset(self.root, dataset, self.folder / dataset.path, description)
            for dataset in products
        ]
        id = make_openlineage_run_id(self.record.id, step.name)
        return build_run_event(
            self.root, kind, id, f"retrain.{step.name}", run, job, inputs, outputs
        )

    def _parent_facet(self) -> Any:
        return build_parent_facet(self.root, make_openlineage_run_id(self.record.id), "retrain")

    def _engine_facet(self, name: str, package: str) -> dict[str, Any]:
        version = self.record.versions.get(package) or metadata.version(package)
        return {"processing_engine": build_engine_facet(name, version)}


def abort_open_events(root: Path, id: str, reason: str) -> None:
    """Append ABORT events for everything that a killed run or night left open."""
    links = event_chain.read_chain(get_events_file(root), mentions=f'"id":"{id}"').links
    open_links: dict[str, event_chain.ChainedEvent] = {}
    for link in links:
        kind, run = link.event["eventType"], link.event["run"]["runId"]
        open_links = (
            {**open_links, run: link}
            if kind == "START"
            else {k: v for k, v in open_links.items() if k != run}
        )
    append_events(
        root, [_abort_event(root, link, reason) for link in reversed(open_links.values())]
    )


def _abort_event(root: Path, start_link: event_chain.ChainedEvent, reason: str) -> ol.RunEvent:
    run, job = start_link.event["run"], start_link.event["job"]
    run_facet = run["facets"]["touchline"]
    run_facets: dict[str, Any] = {
        "touchline": TouchlineRunFacet(run_facet["id"], run_facet.get("stage", ""))
    }
    run_facets["errorMessage"] = build_error_facet(reason)
    if parent_facet := run["facets"].get("parent"):
        run_facets["parent"] = build_parent_facet(
            root, parent_facet["run"]["runId"], parent_facet["job"]["name"]
        )
    return build_run_event(root, "ABORT", run["runId"], job["name"], run_facets, {})


def build_run_event(
    root: Path,
    kind: str,
    id: str,
    job: str,
    run_facets: dict[str, Any],
    job_facets: dict[str, Any],
    inputs: Sequence[ol.InputDataset] = (),
    outputs: Sequence[ol.OutputDataset] = (),
) -> ol.RunEvent:
    """Build an OpenLineage RunEvent of type `kind` with the current time."""
    return ol.RunEvent(
        eventTime=datetime.now(UTC).isoformat(),
        producer=PRODUCER,
        run=ol.Run(id, run_facets),
        job=ol.Job(data.get_job_namespace(root), job, job_facets),
        eventType=ol.RunState(kind),
        inputs=list(inputs),
        outputs=list(outputs),
    )


def append_events(root: Path, events: Sequence[ol.RunEvent]) -> None:
    """Append OpenLineage events to `.touchline/lineage/events.jsonl`, each chained by sha256 to the
    line before.
    """
    event_chain.append_to_chain(
        get_events_file(root), [Serde.to_dict(event_item) for event_item in events]
    )


def redact_events(root: Path, change: Callable[[bytes], bytes], tombstone_id: str) -> None:
    """Redact the event file with `change`, and append an event that names the tombstone and the
    changed lines.
    """
    facets: dict[str, Any] = {event_chain.REDACTION_FACET: WithdrawalFacet(tombstone_id)}
    withdrawal_event = build_run_event(
        root, "OTHER", make_openlineage_run_id(tombstone_id, "withdrawal"), "withdrawal", facets, {}
    )
    event_chain.redact_chain(get_events_file(root), change, Serde.to_dict(withdrawal_event))


def deliver_events(root: Path) -> str:
    """Send waiting events to `OPENLINEAGE_URL`, if set. Returns an empty string, or why some still
    wait.
    """
    url = os.environ.get("OPENLINEAGE_URL", "")
    if not url:
        return ""
    key = os.environ.get("OPENLINEAGE_API_KEY", "")
    endpoint = os.environ.get("OPENLINEAGE_ENDPOINT", event_delivery.ENDPOINT)
    return event_delivery.send_waiting_events(
        get_events_file(root), event_delivery.LineageEndpoint(url, key, endpoint)
    )


def build_code_location(root: Path, commit: str) -> Any:
    """Facet of the source code location: the commit, with the URL of `origin` if that is public."""
    try:
        origin = worktree.run_git(root, "remote", "get-url", "origin").strip()
    except subprocess.CalledProcessError:
        origin = ""
    address = _public_url(origin)
    return facets.source_code_location_job.SourceCodeLocationJobFacet(
        type="git",
        url=f"{address}/tree/{commit}" if address else f"urn:git:{commit}",
        repoUrl=address or None,
        version=commit,
    )


def _public_url(origin: str) -> str:
    """The URL without user name and password; an empty string for a local path."""
    parts = urlsplit(origin)
    if parts.scheme not in ("http", "https", "ssh", "git") or not parts.hostname:
        return ""
    port = f":{parts.port}" if parts.port else ""
    return urlunsplit((parts.scheme, f"{parts.hostname}{port}", parts.path, "", ""))


def build_parent_facet(root: Path, run: str, job: str) -> Any:
    """ParentRunFacet for an event of a part of the run with this OpenLineage id."""
    job_namespace, parent_run = data.get_job_namespace(root), facets.parent_run
    return parent_run.ParentRunFacet(
        run=parent_run.Run(run),
        job=parent_run.Job(job_namespace, job),
        root=parent_run.Root(
            run=parent_run.RootRun(run), job=parent_run.RootJob(job_namespace, job)
        ),
    )


def build_parameters_facet(params: dict[str, Any]) -> Any:
    """Facet of the flattened parameters, each value cut to MAX_PARAMETER_LENGTH characters."""
    parameter_facets = facets.execution_parameters_run
    flat = overrides.flatten_params(params)
    return parameter_facets.ExecutionParametersRunFacet(
        [
            parameter_facets.ExecutionParameter(key=k, value=str(v)[:MAX_PARAMETER_LENGTH])
            for k, v in flat.items()
        ]
    )


def build_engine_facet(name: str, version: str) -> Any:
    """ProcessingEngineRunFacet of an engine such as DVC or Prefect."""
    return facets.processing_engine_run.ProcessingEngineRunFacet(
        version=version, name=name, openlineageAdapterVersion=metadata.version("touchline")
    )


def build_error_facet(message: str) -> Any:
    """ErrorMessageRunFacet with this message."""
    return facets.error_message_run.ErrorMessageRunFacet(message, "PYTHON")


def build_job_type_facet(job: str, engine: str) -> Any:
    """JobTypeJobFacet for a batch job of this type and engine."""
    return facets.job_type_job.JobTypeJobFacet("BATCH", engine, job)
