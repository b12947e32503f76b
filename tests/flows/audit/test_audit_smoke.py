"""Audit and verify of the whole pipeline with the preset `smoke`."""

import subprocess
from pathlib import Path

import pytest

from tests.flows.conftest import REPOSITORY, Toy

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]
DATA = ("chunk", "caption", "ask")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Toy:
    """A clone of this repository's last commit after a run."""
    root = tmp_path_factory.mktemp("audit") / "project"
    subprocess.run(["git", "clone", "-q", str(REPOSITORY), str(root)], check=True)
    (root / ".touchline").mkdir(exist_ok=True)
    made = Toy(root)
    status, said = made.type("retrain", "--preset", "smoke")
    assert status == 0, said
    return made


def test_the_last_run_is_audited_and_the_folder_is_sound(project: Toy, tmp_path: Path) -> None:
    out = tmp_path / "audit"
    status, said = project.type("audit", "latest", "--output", str(out))
    assert status == 0 and said.strip().endswith("index.html")
    assert project.type("audit", "--verify", str(out))[0] == 0
    page = (out / "index.html").read_text()
    for stage in (
        "download",
        "chunk",
        "ask",
        "distill",
        "validate",
        "sft",
        "rl",
        "evaluate",
        "report",
    ):
        assert stage in page
    for name in ("clips", "questions", "trajectories", "accepted"):
        assert (out / "croissant" / f"{name}.json").is_file()


@pytest.mark.parametrize("stage", [*DATA, "sft"])
def test_a_stage_executed_again_comes_out_byte_for_byte(project: Toy, stage: str) -> None:
    status, said = project.type("verify", "latest", "--stage", stage)
    assert status == 0, said
    assert "different" not in said and "identical" in said
