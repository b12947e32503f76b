"""A toy project in a git checkout of its own: three stages, one of them a slow training."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from flows.services import environment as services_environment
from flows.services import prefect_server as serving

REPOSITORY = Path(__file__).parents[2]
CARRIED = (".dvc/config", ".dvc/.gitignore", ".dvcignore", "data/.gitignore")
KEPT_OUT = ("PREFECT_", "MLFLOW_", "TOUCHLINE_", "DVC_", "GIT_")


class Toy:
    """The toy project and the commands one would type in it."""

    def __init__(self, root: Path) -> None:
        self.root, self.diary = root, root / ".touchline" / "diary"
        self.api: str | None = None  # a Prefect server to use

    def environment(self) -> dict[str, str]:
        kept = {k: v for k, v in os.environ.items() if not k.startswith(KEPT_OUT)}
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        toy = {"PYTHONPATH": str(REPOSITORY), "TOY_DIARY": str(self.diary), "PATH": path}
        api = {"PREFECT_API_URL": self.api} if self.api else {}
        return {**kept, **toy, **api}

    def start(self, *args: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "flows.cli", *args],
            cwd=self.root,
            env=self.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def type(self, *args: str) -> tuple[int, str]:
        """Type a command; its exit status and what it said."""
        with self.start(*args) as process:
            said, _ = process.communicate()
        return process.returncode, said

    def git(self, *args: str) -> str:
        done = subprocess.run(
            ["git", *args], cwd=self.root, check=True, capture_output=True, text=True
        )
        return done.stdout.strip()

    def steps_run(self) -> list[str]:
        """Every training step that was ever executed, as `lr step`."""
        return self.diary.read_text().splitlines() if self.diary.is_file() else []

    def processes(self) -> list[psutil.Process]:
        """Everything alive that was started for this project."""
        mine = []
        for process in psutil.process_iter():
            with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
                if process.environ().get("TOY_DIARY") == str(self.diary):
                    mine.append(process)
        return mine

    def set(self, old: str, new: str) -> None:
        """Edit params.yaml and commit it."""
        file = self.root / "params.yaml"
        assert old in file.read_text()
        file.write_text(file.read_text().replace(old, new))
        self.git("commit", "-qam", "Edit")


def plant(root: Path) -> Toy:
    """A fresh toy project in a git checkout."""
    shutil.copytree(Path(__file__).parent / "toy", root, ignore=shutil.ignore_patterns("__py*"))
    for name in CARRIED:
        (root / name).parent.mkdir(exist_ok=True)
        shutil.copy(REPOSITORY / name, root / name)
    (root / ".gitignore").write_text(".touchline/\n__pycache__/\n")
    (root / ".touchline").mkdir()
    project = Toy(root)
    project.git("init", "-q", "-b", "main")
    project.git("config", "user.name", "toy")
    project.git("config", "user.email", "toy@localhost")
    project.git("add", "-A")
    project.git("commit", "-qm", "Toy")
    return project


@pytest.fixture
def toy(tmp_path: Path) -> Toy:
    """A project of which nothing has run."""
    return plant(tmp_path / "toy")


@pytest.fixture(scope="session")
def mould(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project after a plain `dvc repro`, to be copied."""
    project = plant(tmp_path_factory.mktemp("mould") / "toy")
    subprocess.run(["dvc", "repro", "-q"], cwd=project.root, env=project.environment(), check=True)
    return project.root


@pytest.fixture
def made(tmp_path: Path, mould: Path) -> Toy:
    """A project of which all stages have run, by a plain `dvc repro`."""
    return Toy(Path(shutil.copytree(mould, tmp_path / "toy")))


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A Prefect server for all runs of a test session that do not test servers."""
    project = Toy(tmp_path_factory.mktemp("server"))
    (project.root / ".touchline").mkdir()
    extra = services_environment.build_default_environment(project.root / ".touchline")
    job, url = serving.start_prefect_server(
        project.root, serving.find_free_port(), {**project.environment(), **extra}
    )
    try:
        serving.wait_for_server(job, url)
        yield url
    finally:
        job.stop()
