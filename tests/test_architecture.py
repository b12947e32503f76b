"""The storeys, the rooms and dvc.yaml keep their promises."""

from collections.abc import Iterable

import pytest

from flows.runs.worktree import RAW_FILES
from tests.stage_deps import (
    EXEMPT,
    ROOT,
    build_stage_deps,
    list_reached_code,
    list_stages,
    load_pipeline,
    to_relative,
)
from touchline.import_graph import list_imports

STAGES = list_stages()
FORBIDDEN = {"utils", "util", "core", "common", "helpers", "misc"}


def list_code_deps(stage: str) -> list[str]:
    deps = load_pipeline()[stage]["deps"]
    return [dep for dep in deps if dep.startswith(("touchline/", "stages/", "flows/"))]


def lies_under(file: str, deps: Iterable[str]) -> bool:
    return any(file == dep or file.startswith(f"{dep}/") for dep in deps)


def test_the_pipeline_has_every_stage_and_no_other() -> None:
    assert sorted(load_pipeline()) == STAGES


@pytest.mark.parametrize("stage", STAGES)
def test_dvc_knows_all_the_code_that_a_stage_reaches_and_no_room_that_it_does_not(
    stage: str,
) -> None:
    remedy = "`python -m tests.stage_deps` writes the right lists"
    assert set(list_code_deps(stage)) == set(build_stage_deps(stage)), remedy
    for file in list_reached_code(stage):
        assert lies_under(file, list_code_deps(stage)), remedy
    for dep in list_code_deps(stage):
        assert (ROOT / dep).exists(), dep


def test_a_new_column_of_a_rollout_reruns_rl_and_what_reads_it_alone() -> None:
    touched = {
        stage
        for stage in STAGES
        if lies_under("touchline/records/rollout.py", list_code_deps(stage))
    }
    assert "rl" in touched and not touched & {
        "download",
        "chunk",
        "caption",
        "ask",
        "distill",
        "sft",
    }


def test_machinery_reruns_no_stage() -> None:
    for stage in STAGES:
        assert not any(lies_under(file, list_code_deps(stage)) for file in EXEMPT)


@pytest.mark.parametrize("stage", STAGES)
def test_every_path_of_a_command_is_a_dependency_or_a_product(stage: str) -> None:
    entry = load_pipeline()[stage]
    products = {p for key in ("outs", "metrics") for out in entry[key] for p in paths(out)}
    words = entry["cmd"].split()
    assert {w for w in words if w.startswith("data/")} == products | {
        dep for dep in entry["deps"] if dep.startswith("data/") and dep != RAW_FILES
    }


def paths(out: str | dict) -> list[str]:
    return [out] if isinstance(out, str) else list(out)


def test_no_stage_imports_a_stage_and_no_room_imports_upwards() -> None:
    for file in (ROOT / "stages").glob("*.py"):
        assert not any(n.startswith(("stages", "flows")) for n in list_imports(file)), to_relative(
            file
        )
    for file in (ROOT / "touchline").rglob("*.py"):
        assert not any(n.startswith(("stages", "flows")) for n in list_imports(file)), to_relative(
            file
        )


@pytest.mark.parametrize("storey", ["touchline", "flows"])
def test_rooms_form_no_circle(storey: str) -> None:
    rooms: dict[str, set[str]] = {}
    for file in (ROOT / storey).rglob("*.py"):
        room = file.relative_to(ROOT / storey).parts[0].removesuffix(".py")
        own = {name for name in list_imports(file) if name.startswith(f"{storey}.")}
        rooms.setdefault(room, set()).update({name.split(".")[1] for name in own} - {room})
    done: set[str] = set()
    while left := {room for room in rooms if room not in done}:
        free = {room for room in left if rooms[room] & set(rooms) <= done}
        circle = {room: sorted(rooms[room] & left) for room in sorted(left)}
        assert free, f"these rooms import each other in a circle: {circle}"
        done |= free


def test_no_room_has_a_name_that_says_nothing() -> None:
    names = {p.stem for top in ("touchline", "stages", "flows") for p in (ROOT / top).rglob("*")}
    assert not names & FORBIDDEN
