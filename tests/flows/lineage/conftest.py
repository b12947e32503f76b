"""A checkout with a run of the small world, its products in DVC's cache; nothing is trained."""

from pathlib import Path

import pytest

from flows.lineage import run_index
from flows.runs import worktree
from flows.runs.record import RunRecord
from flows.services import environment
from tests.flows.lineage import made
from tests.flows.nightly import project


class World:
    """The checkout, its runs and its row index."""

    def __init__(self, root: Path) -> None:
        self.root, self.count = project.plant(root), 0
        for key in ("user.name", "user.email"):
            worktree.run_git(self.root, "config", key, "toy@localhost")

    def run(self, id: str, matches: tuple[str, ...] = made.MATCHES, salt: str = "") -> RunRecord:
        """A completed run of these matches."""
        self.count += 1
        folder = self.root / ".touchline" / f"made{self.count}"
        products = made.products(folder, matches, salt)
        return project.run(self.root, id, products)

    @property
    def lineage(self) -> run_index.RowIndex:
        return run_index.RowIndex(self.root)


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    for name in ("TOUCHLINE_LINEAGE_URL", "TOUCHLINE_CHECKPOINTS", "TOUCHLINE_REPLIES"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.build_default_environment(
        tmp_path / "project" / ".touchline"
    ).items():
        monkeypatch.setenv(name, value)  # else the commands set them for good
    monkeypatch.setattr(project, "MAKERS", made.MAKERS)
    return World(tmp_path / "project")
