"""The whole run, with real Prefect, DVC, git and MLflow, on the toy project."""

import json
import sqlite3
import subprocess
import sys

import mlflow
import pytest

from flows.runs.worktree import RAW_FILES
from flows.tracking import event_chain
from tests.flows.conftest import Toy

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.fixture
def project(toy: Toy, server: str) -> Toy:
    toy.api = server
    return toy


def latest(toy: Toy) -> dict:
    return json.loads(toy.type("show", "latest", "--json")[1])


def fates(toy: Toy) -> list[str]:
    return [done["state"] for done in latest(toy)["stages"].values()]


def test_a_project_is_run_then_idle_then_restored(project: Toy) -> None:
    status, said = project.type("retrain")
    assert status == 0 and "3 ran, 0 restored, 0 unchanged" in said
    assert fates(project) == ["Ran"] * 3
    first, weights = latest(project), (project.root / "data/model/weights").read_bytes()
    assert project.git("status", "--porcelain") == "?? dvc.lock"

    status, said = project.type("retrain")
    assert status == 0
    assert said == f"nothing to do: all 3 stages unchanged since run {first['id']}\n"

    status, said = project.type("retrain", "--set", "train.lr=0.5")
    assert fates(project) == ["Unchanged", "Ran", "Ran"]
    assert (project.root / "data/model/weights").read_bytes() != weights
    assert latest(project)["overrides"] == {"train.lr": 0.5}

    status, said = project.type("retrain")
    assert status == 0
    assert fates(project) == ["Unchanged", "Restored", "Restored"]
    assert (project.root / "data/model/weights").read_bytes() == weights
    assert len(project.steps_run()) == 6


def test_a_forced_stage_alone_is_forced(project: Toy) -> None:
    project.type("retrain")
    status, _ = project.type("retrain", "--force", "--stage", "train")
    assert status == 0
    stages = latest(project)["stages"]
    assert {name: done["state"] for name, done in stages.items()} == {
        "make": "Unchanged",
        "train": "Ran",
    }
    project.set("rows: ", "rows: 1")
    project.type("retrain")
    project.git("revert", "--no-edit", "HEAD")
    project.type("retrain", "--force", "--stage", "train")
    stages = latest(project)["stages"]
    assert stages["make"]["state"] == "Restored"  # due, but not forced
    assert stages["train"]["state"] == "Ran"


def test_a_changed_folder_of_raw_data_runs_the_first_stage_again(project: Toy) -> None:
    dvc_yaml = project.root / "dvc.yaml"
    text = dvc_yaml.read_text()
    first_deps = "cmd: python work.py make\n    deps: [work.py"
    dvc_yaml.write_text(text.replace(first_deps, f"{first_deps}, {RAW_FILES}"))
    with (project.root / "params.yaml").open("a") as params:
        params.write("download: {sources: {local: {folder: films}}}\n")
    film = project.root / "data/raw/films/1.mkv"
    film.parent.mkdir(parents=True)
    film.write_text("one")
    project.git("commit", "-qam", "Read raw data")
    assert project.type("retrain")[0] == 0
    assert "nothing to do" in project.type("retrain")[1]
    film.touch()
    assert "nothing to do" in project.type("retrain")[1]
    film.write_text("another")
    status, said = project.type("retrain")
    assert status == 0 and "local: films has changed: 0 files new, 1 changed, 0 gone" in said
    assert fates(project) == ["Ran", "Unchanged", "Unchanged"]
    run = latest(project)
    assert project.git("show", f"refs/runs/{run['id']}:{RAW_FILES}")
    command = [sys.executable, "-m", "dvc", "status"]
    done = subprocess.run(
        command, cwd=project.root, env=project.environment(), capture_output=True, text=True
    )
    assert "up to date" in done.stdout
    film.unlink()  # a past run is verified with the list of its own time
    assert project.type("verify", "latest", "--stage", "make")[0] == 0
    assert project.git("status", "--porcelain") == "?? dvc.lock"


def test_a_record_names_every_input_parameter_product_and_score(project: Toy) -> None:
    project.type("retrain", "--preset", "quick")
    run = latest(project)
    assert run["state"] == "completed" and run["preset"] == "quick"
    assert run["overrides"] == {"train.steps": 2}
    assert run["commit"] == project.git("rev-parse", "HEAD")
    train = run["stages"]["train"]
    assert [file["path"] for file in train["inputs"]] == ["data/rows", "work.py"]
    assert train["params"] == {"train": {"steps": 2, "seconds": 0.1, "lr": 0.1}}
    assert len(train["products"][1]["md5"]) == len("d41d8cd98f00b204e9800998ecf8427e.dir")
    assert run["scores"]["toy"]["guess"]["accuracy"]["n"] == 3
    assert run["versions"]["prefect"] and run["hardware"]["cores"]
    said = project.type("show", run["id"])[1]
    for word in ("data/rows", "train.lr = 0.1", "data/report.html", "train.steps = 2", "accuracy"):
        assert word in said
    assert run["id"] in project.type("runs")[1]
    (brief,) = json.loads(project.type("runs", "--json")[1])
    assert brief["scores"] == run["scores"]


def test_a_failing_stage_fails_the_run_with_its_own_sentence(project: Toy, server: str) -> None:
    status, said = project.type("retrain", "--set", "train.lr=2.0")
    sentence = "train: params.yaml: train.lr: 2.0 is above 1; give less"
    assert status == 1 and said.rstrip().endswith(sentence)
    run = latest(project)
    assert run["state"] == "failed" and run["error"] == sentence
    assert list(run["stages"]) == ["make", "train"]
    assert not (project.root / "dvc.lock").exists()
    assert project.git("rev-parse", f"refs/runs/{run['id']}")
    flow, tasks = asked(server, run["flow_run"])
    assert flow["state_name"] == "Failed" and flow["state"]["message"] == sentence
    assert flow["parameters"]["sets"] == ["train.lr=2.0"] and not flow["parameters"]["force"]
    assert {t["name"]: t["state_name"] for t in tasks} == {"make": "Ran", "train": "Failed"}


def asked(server: str, flow_run: str) -> tuple[dict, list[dict]]:
    """What the Prefect server knows of a run and its tasks."""

    def post(path: str, body: dict) -> list[dict]:
        call = ["curl", "-sf", "-H", "content-type: application/json", f"{server}/{path}/filter"]
        done = subprocess.run([*call, "-d", json.dumps(body)], capture_output=True, check=True)
        return json.loads(done.stdout)

    mine = {"flow_runs": {"id": {"any_": [flow_run]}}}
    return post("flow_runs", mine)[0], post("task_runs", mine)


def test_tracking_has_a_child_per_executed_stage_with_data_and_models(project: Toy) -> None:
    project.type("retrain")
    project.type("retrain", "--set", "judge.seed=8")
    run = latest(project)
    client = mlflow.MlflowClient(f"sqlite:///{project.root}/.touchline/mlflow.db")
    (experiment,) = client.search_experiments(filter_string="name = 'retrain'")
    parent = client.get_run(run["tracking_run"])
    assert parent.info.status == "FINISHED" and parent.info.run_name == run["id"]
    assert parent.data.params["train.lr"] == "0.1"
    assert list(parent.data.metrics) == ["candidates.toy.guess.accuracy"]
    below = f"tags.`mlflow.parentRunId` = '{run['tracking_run']}'"
    (judge,) = client.search_runs([experiment.experiment_id], below)
    assert judge.data.tags["dvc.stage"] == "judge"
    (model,) = [file for file in run["stages"]["judge"]["inputs"] if file["path"] == "data/model"]
    assert judge.inputs.dataset_inputs[0].dataset.digest == model["md5"]
    found = client.search_logged_models(
        [experiment.experiment_id], filter_string=f"tags.`dvc.md5` = '{model['md5']}'"
    )
    assert [one.name for one in found] == ["model"]
    assert not (project.root / "mlruns").exists()


def test_a_dirty_tree_runs_only_when_asked_to(project: Toy) -> None:
    (project.root / "notes.txt").write_text("half a thought\n")
    status, said = project.type("retrain")
    assert status == 2 and said == (
        "error: toy: has uncommitted changes: notes.txt; commit them, or use --dirty to run with"
        " them and record the difference\n"
    )
    assert project.type("retrain", "--dirty", "--stage", "make")[0] == 0
    run = latest(project)
    assert list(run["stages"]) == ["make"] and "half a thought" in run["patch"]


def test_a_server_of_its_own_keeps_the_run_and_goes_with_it(toy: Toy) -> None:
    assert toy.type("retrain")[0] == 0
    with sqlite3.connect(toy.root / ".touchline" / "prefect" / "prefect.db") as database:
        tasks = dict(database.execute("select name, state_name from task_run").fetchall())
        flows = database.execute("select name, state_name from flow_run").fetchall()
    assert tasks == {"make": "Ran", "train": "Ran", "judge": "Ran"}
    assert flows == [(latest(toy)["id"], "Completed")]
    assert toy.processes() == []


def test_each_run_and_each_executed_stage_is_told_in_one_chain_of_events(project: Toy) -> None:
    assert project.type("retrain", "--set", "train.lr=2.0")[0] == 1
    assert project.type("retrain", "--set", "make.rows=2", "--stage", "make")[0] == 0
    assert project.type("retrain")[0] == 0
    found = event_chain.read_chain(project.root / ".touchline" / "lineage" / "events.jsonl")
    assert not found.faults and not found.notes
    kinds = [f"{one.event['eventType']} {one.event['job']['name']}" for one in found.links]
    assert kinds == [
        *("START retrain", "START retrain.make", "COMPLETE retrain.make"),
        *("START retrain.train", "FAIL retrain.train", "FAIL retrain"),
        *("START retrain", "START retrain.make", "COMPLETE retrain.make", "COMPLETE retrain"),
        *("START retrain", "START retrain.make", "COMPLETE retrain.make"),
        *("START retrain.train", "COMPLETE retrain.train"),
        *("START retrain.judge", "COMPLETE retrain.judge", "COMPLETE retrain"),
    ]
    again = found.links[12].event["run"]["facets"]["touchline"]
    assert again["fate"] == "Restored" and again["id"] == latest(project)["id"]


TWICE = """
from flows.retrain import console
from flows.retrain.run import RetrainRequest
from flows.runs import worktree
from flows.services import environment, prefect_server
root = worktree.find_checkout()
environment.prepare_environment(root)
with prefect_server.serve_prefect(root):
    for sets in ((), ("judge.seed=8",)):
        assert console.run_retrain(RetrainRequest(None, sets, None, False, False, ("twice",))) == 0
"""


def test_runs_of_one_process_share_the_server_that_it_opened(toy: Toy) -> None:
    ours = {"cwd": toy.root, "env": toy.environment(), "capture_output": True, "text": True}
    done = subprocess.run([sys.executable, "-c", TWICE], **ours)
    assert done.returncode == 0, done.stderr
    assert [run["state"] for run in json.loads(toy.type("runs", "--json")[1])] == ["completed"] * 2
    assert len({job.pid for job in toy.processes()}) == 0
