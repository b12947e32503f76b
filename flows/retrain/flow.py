"""The Prefect flow of a retrain: one task per DVC stage, in DVC's order. Knows nothing of what the
stages do.
"""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

from prefect import flow, get_run_logger, task
from prefect.artifacts import create_progress_artifact, update_progress_artifact
from prefect.cache_policies import NO_CACHE
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId, FlowRunFilterName
from prefect.client.schemas.objects import State
from prefect.client.schemas.sorting import TaskRunSort
from prefect.runtime import flow_run
from prefect.states import Completed, Crashed, Failed

from flows.lineage import run_index
from flows.retrain import run, stage_process
from flows.retrain import run as retrain_run
from flows.retrain.run import RetrainRequest, RunSession
from flows.runs import dvc_project, locks, record, terminal, worktree
from flows.runs.dvc_project import PipelineStep
from flows.runs.record import RunRecord, StageRecord
from flows.services import environment, secrets
from flows.store import push_pull
from flows.tracking import openlineage
from flows.tracking.mlflow_runs import MlflowRun, close_killed_mlflow_runs
from touchline.progress import ProgressLine

LOG_INTERVAL = 15.0  # seconds between two progress lines in the log of the server


class StageRunner:
    """Runs the stages of one run, with MLflow tracking, OpenLineage events and the GPU slot."""

    def __init__(self, session: RunSession) -> None:
        self.run = session
        session.record.flow_run = str(flow_run.id or "")
        session.save()  # what comes next takes seconds, in which a run may be killed
        self.tracking = MlflowRun(session.record, dvc_project.read_model_paths(session.folder))
        session.record.tracking_run = self.tracking.parent
        session.record.versions, session.record.hardware = (
            record.read_package_versions(),
            record.detect_hardware(),
        )
        self.slots = dvc_project.read_stage_slots(session.folder)
        session.save()
        self.events = openlineage.RunEvents(session.root, session.record, session.folder)
        self.events.run_began()

    def is_unchanged(self, step: PipelineStep) -> bool:
        """Whether neither the stage nor any of its dependencies changed."""
        stages = self.run.record.stages
        return not step.changed and all(stages[n].state == "Unchanged" for n in step.needs)

    def product_paths(self) -> set[str]:
        return {file.path for file in self.run.record.products}

    def is_forced(self, step: PipelineStep) -> bool:
        request = self.run.request
        return request.force and request.stage in (None, step.name)

    def reproduce(self, step: PipelineStep, report: stage_process.ReportLine) -> StageRecord:
        """Reproduce a stage and track it. An MLflow run is created only if the stage will be
        executed.
        """
        folder, forced = self.run.folder, self.is_forced(step)
        fate = "Ran" if forced else dvc_project.predict_stage_outcome(folder, step.name)
        if fate == "Unchanged":
            return dvc_project.describe_stage(folder, step.name, "Unchanged")
        self.events.stage_began(step)
        child = self.tracking.begin(step.name) if fate == "Ran" else None
        extra = {"MLFLOW_RUN_ID": child} if child else {}
        with locks.hold_gpu_slot(
            self.gpu_slot(step.name), f"run {self.run.record.id}", terminal.print_line
        ) as slot_fds:
            stage_record = stage_process.reproduce_stage(
                self.run, step.name, forced, extra, report, slot_fds
            )
        if child and stage_record.state in ("Ran", "Failed"):
            self.tracking.end(child, step.name, stage_record, self.product_paths())
        elif child:
            self.tracking.drop(child)
        self.events.stage_ended(step, stage_record)
        return stage_record

    def gpu_slot(self, stage: str) -> str:
        """The GPU slot that the stage must hold; empty if it needs none."""
        if self.slots.get(stage) != "gpu":
            return ""
        return locks.resolve_gpu_slot(bool(self.run.record.hardware.get("gpus")))

    def finish(self) -> State:
        """Publish products, push them, close tracking and return the flow's final state."""
        run_record = self.run.record
        if run_record.count_stages("Failed"):
            run_record.state = "failed"
        else:
            run.complete_run(self.run)
        if run_record.state == "completed":
            self.run.save()  # it stands, also if somebody loses patience with the push
            push_pull.push_finished_run(self.run.root, self.run.record)
        for sentence in run_index.index_finished_run(self.run.root, run_record):
            terminal.print_line(f"row lineage: {sentence}")
        self.tracking.close(run_record)
        self.run.end_reported = True
        self.events.run_ended()
        if run_record.state == "failed":
            return Failed(message=run_record.error)
        name = "Unsent" if run_record.unsent else "Completed"
        return Completed(name=name, message=retrain_run.format_stage_tally(run_record))


@task(name="stage", task_run_name="{name}", cache_policy=NO_CACHE, persist_result=False)
def run_stage_task(name: str, step: PipelineStep, runner: StageRunner) -> State:
    """Prefect task: bring one stage up to date. The state's name is the stage's outcome."""
    if worktree_error := worktree.find_worktree_error(runner.run.folder):
        stage_record = StageRecord(state="Failed", error=str(worktree_error))
    elif runner.is_unchanged(step):
        stage_record = dvc_project.describe_stage(runner.run.folder, name, "Unchanged")
    else:
        stage_record = runner.reproduce(step, PrefectReporter(name))
    runner.run.record.stages[name] = stage_record
    runner.run.save()
    if stage_record.state == "Failed":
        return Failed(message=f"{name}: {stage_record.error}")
    terminal.print_line(f"[{name}] {stage_record.state.lower()} in {stage_record.seconds:.1f} s")
    return Completed(
        name=stage_record.state,
        message=f"{stage_record.seconds:.1f} s, {len(stage_record.products)} products",
    )


@flow(name="retrain", persist_result=False)
def retrain(
    preset: str | None = None,
    sets: Sequence[str] = (),
    stage: str | None = None,
    dirty: bool = False,
    force: bool = False,
) -> State:
    """Bring all stages (or `stage` and what it needs) up to date in a worktree of their own."""
    root = worktree.find_checkout()
    secrets.load_secrets(environment.prepare_environment(root))
    request = RetrainRequest(preset, tuple(sets), stage, dirty, force)
    with run.enter_run(root, request) as session:
        if session.is_idle:
            run.finish_idle_run(session)
            return Completed(name="Unchanged", message=retrain_run.format_idle_run(session))
        report_dead_runs(session.root)
        return run_steps(StageRunner(session))


def run_steps(runner: StageRunner) -> State:
    """Run the stages one after the other, stop at the first failure, and return the flow's final
    state.
    """
    states: dict[str, State] = {}
    for step in runner.run.steps:
        needs = [states[need] for need in step.needs]
        state = run_stage_task(step.name, step, runner, wait_for=needs, return_state=True)
        if not state.is_completed():
            runner.run.record.error = runner.run.record.error or str(state.message)
            runner.run.record.stages.setdefault(step.name, StageRecord(state="Failed"))
            break
        states[step.name] = state
    return runner.finish()


class PrefectReporter:
    """Callback that sends a stage's output to the Prefect server: log lines, occasional progress
    lines, and a progress bar artifact.
    """

    def __init__(self, stage: str) -> None:
        self.logger, self.stage = get_run_logger(), stage
        self.log_due, self.bar_due = (
            terminal.Throttle(LOG_INTERVAL),
            terminal.Throttle(LOG_INTERVAL / 3),
        )
        self.bar: UUID | None = None

    def __call__(self, text: str, line: ProgressLine | None) -> None:
        if line is None or self.log_due():
            self.logger.info(text)
        if line and line.percent is not None and (self.bar_due() or line.percent == 100):
            self._show(float(line.percent), text)

    def _show(self, percent: float, text: str) -> None:
        if self.bar is None:
            key = re.sub("[^a-z0-9]+", "-", self.stage.lower()).strip("-")
            artifact_id: Any = create_progress_artifact(
                percent, key=f"{key}-progress", description=text
            )
            self.bar = artifact_id
        else:
            update_progress_artifact(self.bar, percent, description=text)


def report_dead_runs(root: Path) -> None:
    """Report runs that were killed to MLflow, Prefect and OpenLineage, which they could not do
    themselves.
    """
    for dead in record.list_runs(root):
        if dead.state != "running" and dead.pid:
            close_killed_mlflow_runs(dead)
            mark_flow_run_crashed(dead)
            openlineage.abort_open_events(root, dead.id, dead.error)
            dead.pid = 0
            record.write_run_record(root, dead)


def mark_flow_run_crashed(dead: RunRecord) -> None:
    """Mark a killed run's flow run and unfinished task runs as Crashed on the Prefect server.
    Without a recorded flow run id, it is found by the run's id.
    """
    id = FlowRunFilterId(any_=[UUID(dead.flow_run)]) if dead.flow_run else None
    name = None if dead.flow_run else FlowRunFilterName(any_=[dead.id])
    state, flow_run_filter = Crashed(message="killed"), FlowRunFilter(id=id, name=name)
    with get_client(sync_client=True) as client:
        for run in client.read_flow_runs(flow_run_filter=flow_run_filter):
            if run.state is None or not run.state.is_final():
                client.set_flow_run_state(run.id, state, force=True)
        # This client sends an unset limit or order as null, which the server refuses.
        for task_run in client.read_task_runs(
            flow_run_filter=flow_run_filter, limit=200, sort=TaskRunSort.ID_DESC
        ):
            if task_run.state and not task_run.state.is_final():
                client.set_task_run_state(task_run.id, state, force=True)
