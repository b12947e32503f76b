"""What the container files promise: nobody is root, nothing is open to others, all is watched."""

import re
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

DOCKER = Path(__file__).parents[2] / "docker"


def yaml(name: str) -> dict[str, Any]:
    return YAML(typ="safe").load(DOCKER / name)


SERVICES = yaml("compose.yaml")["services"]


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_is_watched_unprivileged_and_not_open_to_others(name: str) -> None:
    one = SERVICES[name]
    assert one["healthcheck"]["test"] and one["restart"] == "unless-stopped"
    assert not str(one["user"]).startswith(("0", "root")) and one["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in one["security_opt"] and not one.get("privileged")
    assert all(port.startswith("127.0.0.1:") for port in one.get("ports", []))


def test_all_parts_are_there_and_wait_for_what_they_need() -> None:
    parts = {"postgres", "store", "prefect", "mlflow", "worker", "worker-gpu", "ui"}
    assert set(SERVICES) == parts
    for name in ("worker", "worker-gpu"):
        assert set(SERVICES[name]["depends_on"]) == {"prefect", "mlflow", "store"}
    for one in SERVICES.values():
        for need in one.get("depends_on", {}).values():
            assert need == {"condition": "service_healthy"}


def test_every_secret_comes_from_the_environment() -> None:
    for name, one in SERVICES.items():
        for key, value in one.get("environment", {}).items():
            if re.search(r"PASSWORD|SECRET|CONNECTION_URL|STORE_URI", key):
                assert "${" in value, f"{name}: {key}"
    asked = set(re.findall(r"\$\{([A-Z_]+)", (DOCKER / "compose.yaml").read_text()))
    given = set(re.findall(r"^([A-Z_]+)=", (DOCKER / "env.example").read_text(), re.M))
    assert {n for n in asked if n.endswith(("PASSWORD", "SECRET"))} <= given


def test_every_image_has_a_version_and_none_floats() -> None:
    for name, one in SERVICES.items():
        image = re.sub(r"^\$\{[A-Z_]+:-(.*)\}$", r"\1", one["image"])
        assert re.search(r":[\w.-]*\d|@sha256:[0-9a-f]{64}$", image), name
        assert not image.endswith(":latest")


@pytest.mark.parametrize("file", ["Dockerfile", "Dockerfile.gpu"])
def test_an_image_runs_as_nobody_special_and_installs_what_is_locked(file: str) -> None:
    lines = (DOCKER / file).read_text().splitlines()
    users = [line.split()[1] for line in lines if line.startswith("USER ")]
    assert users and users[-1] == "1000:1000"
    assert any(line.startswith("HEALTHCHECK ") for line in lines)
    assert any("--requirement requirements.lock" in line for line in lines)


def test_the_pools_are_of_all_three_kinds_and_hold_one_job_each() -> None:
    made = {one["name"]: one for one in yaml("pools.yaml")["deployments"]}
    pools = {one["work_pool"]["name"] for one in made.values()}
    assert pools == {"gpu", "gpu-docker", "gpu-kubernetes"}
    for one in made.values():
        assert one["concurrency_limit"]["limit"] == 1
        assert one["entrypoint"] == "flows/retrain/flow.py:retrain"
        assert one["work_pool"]["job_variables"]["env"]["PREFECT_FLOWS_HEARTBEAT_FREQUENCY"] == "30"
