"""MLflow: a run per run, below it one per executed stage, data and models by DVC's digest.

The flow logs; a stage that trains gets MLFLOW_RUN_ID and may log live into the run made for it.
What leaves for MLflow are numbers, parameters, digests, terms and a stage's own sentences: no file.
"""

import json
import logging
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import mlflow
from mlflow.entities import Dataset, DatasetInput, InputTag, LoggedModelOutput, Metric, Param

from flows.runs import overrides
from flows.runs.record import File, Record, StageRecord

EXPERIMENT = "retrain"
BATCH = 100  # what one call of MLflow takes of parameters
LONGEST = 6000  # characters of a parameter
SCORES = "candidates."  # the last stage's metrics that a run is known by
RUN, PARENT = "touchline.run", "mlflow.parentRunId"  # tags
STATUS = {"completed": "FINISHED", "failed": "FAILED"}
VALUE = ".value"  # a score itself; its interval and number stand in the run of its stage


class Tracking:
    """The MLflow runs of one run."""

    def __init__(self, record: Record, models: set[str]) -> None:
        logging.getLogger("mlflow").setLevel(logging.ERROR)
        self.client, self.models = mlflow.MlflowClient(), models
        self.experiment = experiment(self.client)
        tags = {"commit": record.commit, "difference": record.difference}
        tags |= {"preset": record.preset or "", "overrides": str(record.overrides)}
        tags |= {RUN: record.id}  # by which a killed run is found before it has noted the id here
        self.parent = self._create(record.id, tags)
        self._params(self.parent, record.params)
        self.name = record.id

    def _create(self, name: str, tags: dict[str, str]) -> str:
        made = self.client.create_run(self.experiment, tags=tags, run_name=name)
        return made.info.run_id

    def begin(self, stage: str) -> str:
        """Make the child run of a stage that is about to be executed."""
        tags = {PARENT: self.parent, "dvc.stage": stage, RUN: self.name}
        return self._create(stage, tags)

    def end(self, child: str, stage: str, done: StageRecord, made: set[str]) -> None:
        """Log what the stage did; `made` are the paths that stages make: data, not code."""
        self._params(child, done.params)
        self._metrics(child, done.metrics)
        costs = {"seconds": done.seconds, "cpu_seconds": done.cpu_seconds}
        self._metrics(child, {"cost": {**costs, "peak_mib": done.peak_mib}})
        data = [file for file in done.inputs if file.path in made]
        self.client.log_inputs(child, datasets=[dataset(file) for file in data])
        for file in done.products if done.state == "Ran" else []:
            self._product(child, stage, file)
        if done.error:
            self.client.set_tag(child, "error", done.error[:LONGEST])
        self.client.set_terminated(child, "FAILED" if done.state == "Failed" else "FINISHED")

    def _product(self, child: str, stage: str, file: File) -> None:
        name = file.path.replace("/", ".")
        self.client.set_tag(child, f"dvc.md5.{name}", file.md5)
        self.client.set_tag(child, f"terms.{name}", file.terms)
        if file.path in self.models:
            tags = {"dvc.md5": file.md5, "dvc.path": file.path, RUN: self.name}
            tags["terms"] = file.terms
            model = mlflow.create_external_model(
                name=Path(file.path).name,
                source_run_id=child,
                tags=tags,
                model_type=stage,
                experiment_id=self.experiment,
            )
            outputs = [LoggedModelOutput(model.model_id, step=0)]
            self.client.log_outputs(child, models=outputs)

    def drop(self, child: str) -> None:
        """The stage was not executed after all."""
        self.client.set_terminated(child, "KILLED")  # a deleted run keeps its status
        self.client.delete_run(child)

    def close(self, record: Record) -> None:
        """Log the counts and the scores of the last stage, and say how the run ended."""
        for state in ("Ran", "Restored", "Unchanged"):
            self.client.set_tag(self.parent, state.lower(), str(record.count(state)))
        if record.stages:
            last = overrides.flat(list(record.stages.values())[-1].metrics)
            scores = {k: v for k, v in last.items() if k.startswith(SCORES) and VALUE in k}
            self._metrics(self.parent, scores)
        for run in running(self.client, record.id):
            if run.info.run_id != self.parent:  # of a stage that ended in an exception of ours
                self.client.set_terminated(run.info.run_id, "FAILED")
        self.client.set_terminated(self.parent, STATUS.get(record.state, "KILLED"))

    def _params(self, run: str, params: Mapping[str, Any]) -> None:
        every = [Param(k, str(v)[:LONGEST]) for k, v in overrides.flat(params).items()]
        for at in range(0, len(every), BATCH):
            self.client.log_batch(run, params=every[at : at + BATCH])

    def _metrics(self, run: str, metrics: Mapping[str, Any]) -> None:
        now = int(time.time() * 1000)
        numbers = {k: v for k, v in overrides.flat(metrics).items() if isinstance(v, int | float)}
        every = [Metric(k.removesuffix(VALUE), float(v), now, 0) for k, v in numbers.items()]
        for at in range(0, len(every), BATCH):
            self.client.log_batch(run, metrics=every[at : at + BATCH])


def experiment(client: "mlflow.MlflowClient") -> str:
    found = client.get_experiment_by_name(EXPERIMENT)
    if found:
        return found.experiment_id
    store = (
        os.environ.get("TOUCHLINE_ARTIFACTS") if mlflow.get_tracking_uri()[:4] != "http" else None
    )
    return client.create_experiment(EXPERIMENT, artifact_location=store)


def dataset(file: File) -> DatasetInput:
    """A reference, not a copy: the digest finds the runs that read these bytes."""
    source = json.dumps({"uri": file.path, "md5": file.md5})
    data = Dataset(name=file.path, digest=file.md5[:36], source_type="dvc", source=source)
    return DatasetInput(data, [InputTag("mlflow.data.context", "input")])


def running(client: "mlflow.MlflowClient", id: str) -> list[Any]:
    """What MLflow holds for running of one of our runs."""
    mine = f"tags.`{RUN}` = '{id}' and attributes.status = 'RUNNING'"
    return list(client.search_runs([experiment(client)], mine))


def kill(record: Record) -> None:
    """Mark the runs that a killed run left open, those included that it never came to note."""
    client = mlflow.MlflowClient()
    for run in running(client, record.id):
        whole = PARENT not in run.data.tags
        if whole and record.error:
            client.set_tag(run.info.run_id, "error", record.error)
        status = STATUS.get(record.state, "KILLED") if whole else "KILLED"
        client.set_terminated(run.info.run_id, status)
