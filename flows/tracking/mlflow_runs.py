"""MLflow tracking: one run per pipeline run, a child run per executed stage, data and models by
DVC's md5.

The flow logs. A training stage also gets MLFLOW_RUN_ID and may log live into its child run. Only
numbers, parameters, digests, terms and error messages are sent, no files.
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
from flows.runs.record import RunRecord, StageRecord, TrackedFile

EXPERIMENT = "retrain"
BATCH_PARAMETERS = 100  # what one call of MLflow takes of parameters
MAX_TEXT_LENGTH = 6000  # characters of a parameter
SCORE_PREFIX = "candidates."  # the last stage's metrics that a run is known by
RUN, PARENT = "touchline.run", "mlflow.parentRunId"  # tags
MLFLOW_STATUS = {"completed": "FINISHED", "failed": "FAILED"}
VALUE_SUFFIX = ".value"  # a score itself; its interval and number stand in the run of its stage


class MlflowRun:
    """The MLflow run of one pipeline run and the child runs of its stages."""

    def __init__(self, record: RunRecord, models: set[str]) -> None:
        logging.getLogger("mlflow").setLevel(logging.ERROR)
        self.client, self.models = mlflow.MlflowClient(), models
        self.experiment = get_experiment_id(self.client)
        tags = {"commit": record.commit, "difference": record.difference}
        tags |= {"preset": record.preset or "", "overrides": str(record.overrides)}
        tags |= {RUN: record.id}  # by which a killed run is found before it has noted the id here
        self.parent = self._create(record.id, tags)
        self._params(self.parent, record.params)
        self.name = record.id

    def _create(self, name: str, tags: dict[str, str]) -> str:
        new_run = self.client.create_run(self.experiment, tags=tags, run_name=name)
        return new_run.info.run_id

    def begin(self, stage: str) -> str:
        """Create the child run of a stage and return its id."""
        tags = {PARENT: self.parent, "dvc.stage": stage, RUN: self.name}
        return self._create(stage, tags)

    def end(self, child: str, stage: str, done: StageRecord, product_paths: set[str]) -> None:
        """Log the results of a stage and end its child run. Only inputs whose path is in
        `product_paths` are logged as datasets: data, not code.
        """
        self._params(child, done.params)
        self._metrics(child, done.metrics)
        costs = {"seconds": done.seconds, "cpu_seconds": done.cpu_seconds}
        self._metrics(child, {"cost": {**costs, "peak_mib": done.peak_mib}})
        data = [file for file in done.inputs if file.path in product_paths]
        self.client.log_inputs(child, datasets=[build_mlflow_dataset(file) for file in data])
        for file in done.products if done.state == "Ran" else []:
            self._product(child, stage, file)
        if done.error:
            self.client.set_tag(child, "error", done.error[:MAX_TEXT_LENGTH])
        self.client.set_terminated(child, "FAILED" if done.state == "Failed" else "FINISHED")

    def _product(self, child: str, stage: str, file: TrackedFile) -> None:
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
        """Delete the child run of a stage that was not executed after all."""
        self.client.set_terminated(child, "KILLED")  # a deleted run keeps its status
        self.client.delete_run(child)

    def close(self, record: RunRecord) -> None:
        """Log the stage counts and the last stage's scores, end open child runs, and set the final
        status.
        """
        for state in ("Ran", "Restored", "Unchanged"):
            self.client.set_tag(self.parent, state.lower(), str(record.count_stages(state)))
        if record.stages:
            last = overrides.flatten_params(list(record.stages.values())[-1].metrics)
            scores = {
                k: v for k, v in last.items() if k.startswith(SCORE_PREFIX) and VALUE_SUFFIX in k
            }
            self._metrics(self.parent, scores)
        for run in list_running_mlflow_runs(self.client, record.id):
            if run.info.run_id != self.parent:  # of a stage that ended in an exception of ours
                self.client.set_terminated(run.info.run_id, "FAILED")
        self.client.set_terminated(self.parent, MLFLOW_STATUS.get(record.state, "KILLED"))

    def _params(self, run: str, params: Mapping[str, Any]) -> None:
        parameters = [
            Param(k, str(v)[:MAX_TEXT_LENGTH]) for k, v in overrides.flatten_params(params).items()
        ]
        for start in range(0, len(parameters), BATCH_PARAMETERS):
            self.client.log_batch(run, params=parameters[start : start + BATCH_PARAMETERS])

    def _metrics(self, run: str, metrics: Mapping[str, Any]) -> None:
        now = int(time.time() * 1000)
        numbers = {
            k: v for k, v in overrides.flatten_params(metrics).items() if isinstance(v, int | float)
        }
        samples = [
            Metric(k.removesuffix(VALUE_SUFFIX), float(v), now, 0) for k, v in numbers.items()
        ]
        for start in range(0, len(samples), BATCH_PARAMETERS):
            self.client.log_batch(run, metrics=samples[start : start + BATCH_PARAMETERS])


def get_experiment_id(client: "mlflow.MlflowClient") -> str:
    """Id of the MLflow experiment `retrain`, which is created if missing."""
    existing = client.get_experiment_by_name(EXPERIMENT)
    if existing:
        return existing.experiment_id
    store = (
        os.environ.get("TOUCHLINE_ARTIFACTS") if mlflow.get_tracking_uri()[:4] != "http" else None
    )
    return client.create_experiment(EXPERIMENT, artifact_location=store)


def build_mlflow_dataset(file: TrackedFile) -> DatasetInput:
    """An MLflow dataset input that refers to a file by path and md5, without copying it."""
    source = json.dumps({"uri": file.path, "md5": file.md5})
    data = Dataset(name=file.path, digest=file.md5[:36], source_type="dvc", source=source)
    return DatasetInput(data, [InputTag("mlflow.data.context", "input")])


def list_running_mlflow_runs(client: "mlflow.MlflowClient", id: str) -> list[Any]:
    """MLflow runs of a pipeline run that have the status RUNNING."""
    run_filter = f"tags.`{RUN}` = '{id}' and attributes.status = 'RUNNING'"
    return list(client.search_runs([get_experiment_id(client)], run_filter))


def close_killed_mlflow_runs(record: RunRecord) -> None:
    """End the MLflow runs that a killed pipeline run left open, including those that its record
    does not name.
    """
    client = mlflow.MlflowClient()
    for run in list_running_mlflow_runs(client, record.id):
        is_parent = PARENT not in run.data.tags
        if is_parent and record.error:
            client.set_tag(run.info.run_id, "error", record.error)
        status = MLFLOW_STATUS.get(record.state, "KILLED") if is_parent else "KILLED"
        client.set_terminated(run.info.run_id, status)
