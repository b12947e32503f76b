"""What is under an NDA is in no output that leaves; a secret of the environment is in none."""

import base64
import io
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.flows.conftest import REPOSITORY, Toy
from tests.flows.lineage.planted import PHRASE, SECRET, SECRETS, picture

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

PRESET = """
download:
  on_fault: drop
  sources:
    planted: {}
    synthetic: {seed: 7, matches: {soccer: 2, badminton: 0, basketball: 0}, half_seconds: 30}
chunk: {stride: 30}
ask: {commentary: true}
validate: {least_looking: 0.0}
sft: {steps: 2}
rl: {steps: 0}
evaluate: {turn_tokens: 16}
"""
ALIKE = 0.7  # correlation with the planted picture; other pictures of the run stay below 0.4


class Guarded(Toy):
    """A project whose owner has secrets in the environment."""

    def environment(self) -> dict[str, str]:
        return {**super().environment(), **SECRETS}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Toy:
    """This repository with one more source, and a preset that asks for it."""
    root = tmp_path_factory.mktemp("taint") / "project"
    listed = subprocess.run(["git", "ls-files"], cwd=REPOSITORY, capture_output=True, text=True)
    for name in listed.stdout.splitlines():
        if (REPOSITORY / name).is_file():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(REPOSITORY / name, root / name)
    shutil.copy(Path(__file__).with_name("planted.py"), root / "touchline/sources/planted.py")
    catalogue = root / "touchline/sources/__init__.py"
    text = catalogue.read_text().replace(
        "    SYNTHETIC.name", "    'planted': PLANTED,\n    SYNTHETIC.name"
    )
    catalogue.write_text(f"from touchline.sources.planted import PLANTED\n{text}")
    (root / "presets/planted.yaml").write_text(PRESET)
    made = Guarded(root)
    (root / ".touchline").mkdir()
    made.git("init", "-q", "-b", "main")
    made.git("config", "user.name", "toy")
    made.git("config", "user.email", "toy@localhost")
    made.git("add", "-A")
    made.git("commit", "-qm", "Planted")
    return made


def retrain(project: Toy, *more: str) -> tuple[int, str]:
    return project.type("retrain", "--preset", "planted", *more)


def outputs(project: Toy) -> Iterator[Path]:
    """Everything of a run that is looked at elsewhere: pages, numbers, records, logs, databases."""
    for name in ("health", "metrics", "report"):
        yield from (p for p in (project.root / "data" / name).rglob("*") if p.is_file())
    yield from (project.root / "data/accepted" / name for name in ("page.html", "gates.json"))
    state = project.root / ".touchline"
    inner = ("checkpoints", "cache")
    yield from (p for p in state.rglob("*") if p.is_file() and p.parent.name not in inner)


def telling(project: Toy) -> set[str]:
    """Files of the project, data and databases included, that hold a secret."""
    code = {".py", ".pyc"}  # of the source that plants it
    every = (p for p in project.root.rglob("*") if p.is_file() and p.suffix not in code)
    return {path.name for path in every if SECRET.encode() in path.read_bytes()}


def naming(project: Toy) -> set[str]:
    return {p.name for p in outputs(project) if PHRASE.encode() in p.read_bytes()}


def showing(page: Path) -> int:
    """How many pictures on a page are planted ones."""
    data = re.findall(rb"data:image/\w+;base64,([A-Za-z0-9+/=]+)", page.read_bytes())
    return sum(is_planted(Image.open(io.BytesIO(base64.b64decode(one)))) for one in data)


def is_planted(image: Image.Image) -> bool:
    seen = np.asarray(image.convert("RGB").resize((64, 36)), float).ravel()
    planted = [Image.fromarray(picture(second)).resize((64, 36)) for second in (0, 1)]
    return any(np.corrcoef(seen, np.asarray(one, float).ravel())[0, 1] > ALIKE for one in planted)


def test_nothing_planted_leaves_a_whole_run(project: Toy):
    status, said = retrain(project)
    assert status == 0, said[-3000:]
    assert PHRASE not in said and SECRET not in said
    assert naming(project) == set()
    assert telling(project) == set()
    report = project.root / "data/report/report.html"
    assert showing(report) == 0 and b"data:image" in report.read_bytes()  # the synthetic ones
    assert b"Withheld: NDA" in report.read_bytes()
    assert b"withheld: NDA" in (project.root / "data/accepted/page.html").read_bytes()
    assert b"withheld: NDA" in (project.root / "data/health/planted.html").read_bytes()
    assert "terms: nda" in project.type("show", "latest")[1]


def test_the_products_themselves_hold_it_and_say_so(project: Toy):
    data = project.root / "data"
    assert PHRASE.encode() in (data / "manifest/ledger.parquet").read_bytes()
    for name in ("manifest", "frames", "clips", "captions", "questions", "trajectories"):
        assert '"terms": "nda",\n "sources"' in (data / name / "terms.json").read_text(), name
    for name in ("accepted", "base", "sft", "rl", "answers"):
        assert '"terms": "nda",\n "sources"' in (data / name / "terms.json").read_text(), name
    assert '"terms": "open",\n "sources"' in (data / "report/terms.json").read_text()
    frames = next((data / "frames/planted").rglob("*.parquet"))
    assert b"terms" in frames.read_bytes() and b"nda" in frames.read_bytes()


def test_a_fault_that_stops_the_run_is_told_without_its_words(project: Toy):
    status, said = retrain(project, "--set", "download.on_fault=stop", "--stage", "download")
    assert status == 1 and "is faulty (withheld: NDA)" in said and PHRASE not in said
    assert naming(project) == set()


def test_a_target_declared_inside_the_nda_gets_it_all(project: Toy):
    inside = "licence.inside=[health, gates, report, log]"
    status, said = retrain(project, "--set", inside)
    assert status == 0, said[-3000:]
    assert naming(project) >= {"planted.html", "page.html", "report.html"}
    assert showing(project.root / "data/report/report.html") > 0
    status, said = retrain(project, "--set", inside, "--set", "download.on_fault=stop")
    assert status == 1 and PHRASE in said
    assert SECRET not in said and telling(project) == set()
