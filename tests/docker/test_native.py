"""Each service of the compose file, started on this machine with the settings that stand there."""

import os
import shutil
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import IO

import psutil
import pytest

from tests.docker.composed import Here, services
from tests.flows.conftest import KEPT_OUT, REPOSITORY, plant
from tests.listening import listening, open_to_others
from tests.postgres import postgres, program
from tests.store import store

SECRETS = {"POSTGRES_PASSWORD": "topsecret", "STORE_SECRET": "topsecret"}
PATIENCE = 900.0  # seconds a first start may take on a busy machine


def base() -> dict[str, str]:
    """The environment of an image: our commands first, nothing of whoever runs the tests."""
    out = (*KEPT_OUT, "AWS_")
    kept = {key: value for key, value in os.environ.items() if not key.startswith(out)}
    return {**kept, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}


def test_secrets_are_asked_for_and_names_of_services_become_this_machine(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match=r"POSTGRES_PASSWORD: fill in docker/\.env"):
        services({})
    here = Here(services(SECRETS), {"/home/touchline": tmp_path / "home", "/touchline": tmp_path})
    url = here.environment("mlflow")["MLFLOW_BACKEND_STORE_URI"]
    port = here.port("5432")
    assert url == f"postgresql+psycopg://touchline:topsecret@127.0.0.1:{port}/mlflow"
    assert (
        here.environment("mlflow")["MLFLOW_ARTIFACTS_DESTINATION"] == f"{tmp_path}/home/artifacts"
    )
    assert here.command("prefect")[-4:] == [
        "--host", "127.0.0.1", "--port", str(here.port("4200")),
    ]  # fmt: skip
    assert here.environment("worker")["PREFECT_API_URL"].startswith("http://127.0.0.1:")
    assert f"127.0.0.1:{here.port('8080')}/health" in here.check("worker")[-1]
    for name in here.services:
        assert here.check(name), name


@pytest.fixture
def pages(tmp_path: Path) -> Iterator[tuple[Here, str]]:
    """nginx with docker/ui.conf over a clone with a report, a night, an audit and a secret."""
    nginx = shutil.which("nginx") or "/usr/sbin/nginx"
    if not Path(nginx).is_file():
        pytest.skip("no nginx here: apt-get install nginx-core")
    clone = tmp_path / "clone"
    shutil.copytree(REPOSITORY / "docker", clone / "docker")
    for name in ("data/report/report.html", ".touchline/nights/trend.html", ".git/config",
                 ".touchline/nights/answers/a.parquet", ".touchline/audit/2026-ab/run.json",
                 "docker/.env", "data/report/terms.json", "params.yaml"):  # fmt: skip
        (clone / name).parent.mkdir(parents=True, exist_ok=True)
        (clone / name).write_text(f"this is {name}")
    here = Here(services(SECRETS), {"/touchline": clone})
    conf = here.text((clone / "docker/ui.conf").read_text())
    port = here.port("8080")
    (tmp_path / "ui.conf").write_text(conf.replace("listen 8080", f"listen 127.0.0.1:{port}"))
    temp = "".join(
        f"{kind}_temp_path {tmp_path}/{kind};\n"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    who = (
        "user root;\n" if os.geteuid() == 0 else ""
    )  # else its workers cannot read a test's folder
    (tmp_path / "nginx.conf").write_text(
        f"{who}pid {tmp_path}/pid;\nerror_log stderr;\nevents {{}}\n"
        f"http {{\naccess_log off;\n{temp}include {tmp_path}/ui.conf;\n}}\n"
    )
    words = [nginx, "-p", str(tmp_path), "-c", str(tmp_path / "nginx.conf"), "-g", "daemon off;"]
    job = subprocess.Popen(words)
    try:
        here.healthy("ui", job, base(), 30)
        yield here, f"http://127.0.0.1:{port}"
    finally:
        job.terminate()
        job.wait(20)


def got(url: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(url, timeout=10) as reply:
            return reply.status, reply.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, ""


def test_the_door_shows_what_was_written_for_people_and_nothing_else(
    pages: tuple[Here, str],
) -> None:
    _, url = pages
    assert "Prefect" in got(f"{url}/")[1]
    for shown in ("report/report.html", "nights/trend.html", "audit/2026-ab/run.json"):
        assert got(f"{url}/{shown}")[1].startswith("this is "), shown
    for hidden in ("docker/.env", ".env", ".git/config", "params.yaml", "nights/answers/a.parquet",
                   "report/terms.json", "report/", "audit/", "audit/2026-ab/", "nights/none.html",
                   "audit/2026-ab/../../../.git/config", "audit/2026-ab/%2e%2e/%2e%2e/runs/a",
                   "ui.conf"):  # fmt: skip
        assert got(f"{url}/{hidden}")[0] in (400, 403, 404), hidden


@contextmanager
def started(here: Here, name: str, folder: Path, log: IO[str], **more: str) -> Iterator[dict]:
    """A service in a folder, healthy by its own check; its environment."""
    env = {**base(), "HOME": str(folder), **here.environment(name), **more}
    job = subprocess.Popen(here.command(name), cwd=folder, env=env, stdout=log, stderr=log)
    try:
        here.healthy(name, job, env, PATIENCE)
        yield env
    finally:
        _end(job)


def _end(job: subprocess.Popen) -> None:
    with suppress(psutil.NoSuchProcess):
        top = psutil.Process(job.pid)
        every = [top, *top.children(recursive=True)]
        for one in every:
            one.terminate()
        for one in psutil.wait_procs(every, 60)[1]:
            one.kill()
    job.wait(60)


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_every_service_comes_up_healthy_and_on_this_machine_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program("pg_isready")
    clone = plant(tmp_path / "clone").root
    shutil.copytree(REPOSITORY / "flows", clone / "flows", dirs_exist_ok=True)
    shutil.copy(REPOSITORY / "prefect.yaml", clone)
    for words in (["add", "-A"], ["commit", "-qm", "Flows"]):
        subprocess.run(["git", *words], cwd=clone, check=True)
    home = tmp_path / "home"
    home.mkdir()
    here = Here(services(SECRETS), {"/home/touchline": home, "/touchline": clone})
    made = here.services["postgres"]["environment"]
    with ExitStack() as stack:
        log = stack.enter_context((tmp_path / "log").open("w"))
        database = stack.enter_context(postgres(made["POSTGRES_USER"]))
        here.ports["5432"] = database.port
        database.make(made["POSTGRES_DB"], "mlflow")  # as the image does, and docker/databases.sql
        here.healthy("postgres", None, {**base(), "PGPORT": str(database.port)}, 60)
        address, client = stack.enter_context(store(monkeypatch, "other"))
        here.ports["8333"] = int(address.rsplit(":", 1)[1])
        server = {"PREFECT_HOME": str(home / "server")}
        stack.enter_context(started(here, "prefect", home, log, **server))
        stack.enter_context(started(here, "mlflow", home, log))
        more = {"PYTHONPATH": str(REPOSITORY), "PREFECT_HOME": str(home / "worker")}
        more |= {"PREFECT_WORKER_WEBSERVER_PORT": str(here.port("8080"))}
        env = stack.enter_context(started(here, "worker", clone, log, **more))
        assert open_to_others(listening(psutil.Process().children(recursive=True))) == []
        assert "touchline" in [one["Name"] for one in client.list_buckets()["Buckets"]]
        ask = [sys.executable, "-m", "prefect", "--no-prompt", "deployment", "ls"]
        said = subprocess.run(ask, cwd=clone, env=env, capture_output=True, text=True).stdout
        assert "retrain/retrain" in said
        for one in client.list_objects_v2(Bucket="touchline").get("Contents", []):
            client.delete_object(Bucket="touchline", Key=one["Key"])
        client.delete_bucket(Bucket="touchline")
    assert "topsecret" not in (tmp_path / "log").read_text()
