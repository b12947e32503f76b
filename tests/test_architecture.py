"""The storeys, the rooms and dvc.yaml keep their promises."""

import ast
from functools import cache
from pathlib import Path

import pytest
from ruamel.yaml import YAML

ROOT = Path(__file__).parent.parent
STAGES = sorted(p.stem for p in (ROOT / "stages").glob("*.py") if p.stem != "__init__")
# Machinery whose change must never retrain a model: a log line, a bar, a place for checkpoints.
EXEMPT = {"touchline/config.py", "touchline/progress.py", "touchline/state_dirs.py"}
FORBIDDEN = {"utils", "util", "core", "common", "helpers", "misc"}


def pipeline() -> dict:
    return YAML(typ="safe").load(ROOT / "dvc.yaml")["stages"]


def imported(file: Path) -> set[str]:
    """Our own modules that a file names in any import, function bodies included."""
    names = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return {name for name in names if name.split(".")[0] in ("touchline", "stages", "flows")}


def files_of(module: str) -> list[Path]:
    """The file of a module and the `__init__` of each package above it that has any code."""
    parts = module.split(".")
    found = [ROOT.joinpath(*parts[:n], "__init__.py") for n in range(1, len(parts) + 1)]
    found.append(ROOT.joinpath(*parts).with_suffix(".py"))
    return [path for path in found if path.is_file()]


@cache
def reached(file: Path) -> frozenset[Path]:
    """All of our files that running `file` may import."""
    seen, todo = set(), [file]
    while todo:
        current = todo.pop()
        if current not in seen:
            seen.add(current)
            todo += [path for name in imported(current) for path in files_of(name)]
    return frozenset(seen)


def relative(file: Path) -> str:
    return file.relative_to(ROOT).as_posix()


def needed(stage: str) -> set[str]:
    """Code that a stage's result depends on: what it imports, and text files beside that code."""
    code = {p for p in reached(ROOT / "stages" / f"{stage}.py") if p.read_text().strip()}
    return {relative(p) for p in code} - EXEMPT


def listed(stage: str) -> set[str]:
    return {dep for dep in pipeline()[stage]["deps"] if not dep.startswith("data/")}


def test_the_pipeline_has_every_stage_and_no_other() -> None:
    assert sorted(pipeline()) == STAGES


@pytest.mark.parametrize("stage", STAGES)
def test_dvc_knows_all_the_code_that_a_stage_runs(stage: str) -> None:
    code = {dep for dep in listed(stage) if dep.endswith(".py")}
    assert code == needed(stage), "run `python tests/test_architecture.py` to see the right list"


@pytest.mark.parametrize("stage", STAGES)
def test_every_path_of_a_command_is_a_dependency_or_a_product(stage: str) -> None:
    entry = pipeline()[stage]
    products = {p for key in ("outs", "metrics") for out in entry[key] for p in paths(out)}
    words = entry["cmd"].split()
    assert {w for w in words if w.startswith("data/")} == products | {
        dep for dep in entry["deps"] if dep.startswith("data/")
    }


def paths(out: str | dict) -> list[str]:
    return [out] if isinstance(out, str) else list(out)


def test_no_stage_imports_a_stage_and_no_room_imports_upwards() -> None:
    for file in (ROOT / "stages").glob("*.py"):
        assert not any(n.startswith(("stages", "flows")) for n in imported(file)), relative(file)
    for file in (ROOT / "touchline").rglob("*.py"):
        assert not any(n.startswith(("stages", "flows")) for n in imported(file)), relative(file)


def test_rooms_form_no_circle() -> None:
    rooms: dict[str, set[str]] = {}
    for file in (ROOT / "touchline").rglob("*.py"):
        room = file.relative_to(ROOT / "touchline").parts[0].removesuffix(".py")
        found = {n.split(".")[1] for n in imported(file) if n.count(".")}
        rooms.setdefault(room, set()).update(found - {room})
    done: set[str] = set()
    while left := {room for room in rooms if room not in done}:
        free = {room for room in left if rooms[room] & set(rooms) <= done}
        assert free, f"these rooms import each other in a circle: {sorted(left)}"
        done |= free


def test_no_room_has_a_name_that_says_nothing() -> None:
    names = {p.stem for top in ("touchline", "stages", "flows") for p in (ROOT / top).rglob("*")}
    assert not names & FORBIDDEN


if __name__ == "__main__":
    for name in STAGES:
        print(name, *sorted(needed(name)), sep="\n      - ")
