"""The Prefect flow: one task per DVC stage, in DVC's order; no word about what the stages do."""

import re
from collections.abc import Sequence
from contextlib import ExitStack
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
from flows.retrain.run import Request, Run
from flows.runs import dvc_project, locks, record, terminal, worktree
from flows.runs.dvc_project import Step
from flows.runs.record import Record, StageRecord
from flows.services import environment, secrets
from flows.store import push_pull
from flows.tracking import openlineage
from flows.tracking.mlflow_runs import Tracking, kill
from touchline.progress import Line

SELDOM = 15.0  # seconds between two progress lines in the log of the server


class Walk:
    """The way through the stages of one run."""

    def __init__(self, going: Run) -> None:
        self.run = going
        going.record.flow_run = str(flow_run.id or "")
        going.save()  # what comes next takes seconds, in which a run may be killed
        self.tracking = Tracking(going.record, dvc_project.models(going.folder))
        going.record.tracking_run = self.tracking.parent
        going.record.versions, going.record.hardware = record.versions(), record.hardware()
        self.slots = dvc_project.slots(going.folder)
        going.save()
        self.events = openlineage.Events(going.root, going.record, going.folder)
        self.events.began()

    def unchanged(self, step: Step) -> bool:
        """Nothing about it changed, and nothing it needs was made anew."""
        stages = self.run.record.stages
        return not step.changed and all(stages[n].state == "Unchanged" for n in step.needs)

    def made(self) -> set[str]:
        return {file.path for file in self.run.record.products}

    def forced(self, step: Step) -> bool:
        request = self.run.request
        return request.force and request.stage in (None, step.name)

    def stage(self, step: Step, tell: stage_process.Tell) -> StageRecord:
        """Reproduce a stage and track it; an MLflow run is made only if it will be executed."""
        folder, forced = self.run.folder, self.forced(step)
        fate = "Ran" if forced else dvc_project.outlook(folder, step.name)
        if fate == "Unchanged":
            return dvc_project.describe(folder, step.name, "Unchanged")
        self.events.stage_began(step)
        child = self.tracking.begin(step.name) if fate == "Ran" else None
        extra = {"MLFLOW_RUN_ID": child} if child else {}
        with locks.held(self.slot(step.name), f"run {self.run.record.id}", terminal.say) as keep:
            done = stage_process.stage(self.run, step.name, forced, extra, tell, keep)
        if child and done.state in ("Ran", "Failed"):
            self.tracking.end(child, step.name, done, self.made())
        elif child:
            self.tracking.drop(child)
        self.events.stage_ended(step, done)
        return done

    def slot(self, stage: str) -> str:
        """Where the stage waits for its turn; "" where it need not."""
        if self.slots.get(stage) != "gpu":
            return ""
        return locks.place(bool(self.run.record.hardware.get("gpus")))

    def finish(self) -> State:
        """Publish and close; the state tells what happened."""
        going = self.run.record
        if going.count("Failed"):
            going.state = "failed"
        else:
            run.succeed(self.run)
        if going.state == "completed":
            self.run.save()  # it stands, also if somebody loses patience with the push
            push_pull.after(self.run)
        for sentence in run_index.note(self.run.root, going):
            terminal.say(f"row lineage: {sentence}")
        self.tracking.close(going)
        self.run.told = True
        self.events.ended()
        if going.state == "failed":
            return Failed(message=going.error)
        name = "Unsent" if going.unsent else "Completed"
        return Completed(name=name, message=retrain_run.tally(going))


@task(name="stage", task_run_name="{name}", cache_policy=NO_CACHE, persist_result=False)
def run_stage(name: str, step: Step, walk: Walk) -> State:
    """Bring one stage up to date; the state's name says how."""
    if gone := worktree.lost(walk.run.folder):
        done = StageRecord(state="Failed", error=str(gone))
    elif walk.unchanged(step):
        done = dvc_project.describe(walk.run.folder, name, "Unchanged")
    else:
        done = walk.stage(step, Teller(name))
    walk.run.record.stages[name] = done
    walk.run.save()
    if done.state == "Failed":
        return Failed(message=f"{name}: {done.error}")
    terminal.say(f"[{name}] {done.state.lower()} in {done.seconds:.1f} s")
    return Completed(
        name=done.state, message=f"{done.seconds:.1f} s, {len(done.products)} products"
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
    with ExitStack() as stack:
        going = run.CURRENT.get()
        if going is not None:
            run.stop_at_once(going)
            secrets.load(going.root / ".touchline")
        else:  # a worker started us, not the console command
            root = worktree.root()
            secrets.load(environment.prepare(root))
            request = Request(preset, tuple(sets), stage, dirty, force)
            going = stack.enter_context(run.opened(root, request))
        if going.idle:
            run.rest(going)
            return Completed(name="Unchanged", message=retrain_run.nothing_to_do(going))
        settle(going.root)
        return follow(Walk(going))


def follow(walk: Walk) -> State:
    """One task after the other; after a failure none."""
    states: dict[str, State] = {}
    for step in walk.run.steps:
        needs = [states[need] for need in step.needs]
        state = run_stage(step.name, step, walk, wait_for=needs, return_state=True)
        if not state.is_completed():
            walk.run.record.error = walk.run.record.error or str(state.message)
            walk.run.record.stages.setdefault(step.name, StageRecord(state="Failed"))
            break
        states[step.name] = state
    return walk.finish()


class Teller:
    """Tells the server what a stage says: its lines, seldom its progress, and a progress bar."""

    def __init__(self, stage: str) -> None:
        self.logger, self.stage = get_run_logger(), stage
        self.log_due, self.bar_due = terminal.Throttle(SELDOM), terminal.Throttle(SELDOM / 3)
        self.bar: UUID | None = None

    def __call__(self, text: str, line: Line | None) -> None:
        if line is None or self.log_due():
            self.logger.info(text)
        if line and line.percent is not None and (self.bar_due() or line.percent == 100):
            self._show(float(line.percent), text)

    def _show(self, percent: float, text: str) -> None:
        if self.bar is None:
            key = re.sub("[^a-z0-9]+", "-", self.stage.lower()).strip("-")
            made: Any = create_progress_artifact(percent, key=f"{key}-progress", description=text)
            self.bar = made
        else:
            update_progress_artifact(self.bar, percent, description=text)


def settle(root: Path) -> None:
    """Tell all who keep account of runs that were killed and could not tell it themselves."""
    for dead in record.every(root):
        if dead.state != "running" and dead.pid:
            kill(dead)
            crash(dead)
            openlineage.abort(root, dead.id, dead.error)
            dead.pid = 0
            record.write(root, dead)


def crash(dead: Record) -> None:
    """Mark what a killed run left open on the server; its name is the run's id, if it is ours."""
    id = FlowRunFilterId(any_=[UUID(dead.flow_run)]) if dead.flow_run else None
    name = None if dead.flow_run else FlowRunFilterName(any_=[dead.id])
    state, mine = Crashed(message="killed"), FlowRunFilter(id=id, name=name)
    with get_client(sync_client=True) as client:
        for run in client.read_flow_runs(flow_run_filter=mine):
            if run.state is None or not run.state.is_final():
                client.set_flow_run_state(run.id, state, force=True)
        # This client sends an unset limit or order as null, which the server refuses.
        for task_run in client.read_task_runs(
            flow_run_filter=mine, limit=200, sort=TaskRunSort.ID_DESC
        ):
            if task_run.state and not task_run.state.is_final():
                client.set_task_run_state(task_run.id, state, force=True)
