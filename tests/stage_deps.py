"""What each stage reaches, as dependencies for dvc.yaml: whole rooms where it can, else files.

`python -m tests.stage_deps` writes the lists into dvc.yaml.
"""

from pathlib import Path

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedSeq

from touchline.import_graph import PACKAGES, find_reached_files, has_code, list_texts
from touchline.import_graph import PROJECT_ROOT as ROOT

# Machinery: a change of it must never retrain a model.
EXEMPT = {
    f"touchline/{name}.py" for name in ("atomic", "config", "errors", "progress", "state_dirs")
}
WHOLE_ROOM_SHARE = 0.75  # of a room's files that a stage must reach, for the room to be its dep


def list_stages() -> list[str]:
    """Names of the stages: the files of stages/."""
    return sorted(p.stem for p in (ROOT / "stages").glob("*.py") if p.stem != "__init__")


def load_pipeline() -> dict[str, dict]:
    """The stages of dvc.yaml by name."""
    return YAML(typ="safe").load(ROOT / "dvc.yaml")["stages"]


def to_relative(file: Path) -> str:
    """Path below the project's root, with forward slashes."""
    return file.relative_to(ROOT).as_posix()


def list_reached_code(stage: str) -> set[str]:
    """Code files that a stage's products depend on, relative to the root."""
    files = {to_relative(path) for path in find_reached_files([ROOT / "stages" / f"{stage}.py"])}
    return files - EXEMPT


def list_room_files(room: Path) -> list[Path]:
    """All files below a room that are code with content, or texts."""
    files = [path for path in room.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    return [path for path in files if path.suffix != ".py" or has_code(path)]


def build_stage_deps(stage: str) -> list[str]:
    """The code deps of a stage: its own file, the rooms it reaches, and files of other rooms."""
    reached = list_reached_code(stage)
    own = f"stages/{stage}.py"
    return [own, *sorted(_cover_folder(ROOT / "touchline", reached - {own}))]


def _cover_folder(folder: Path, reached: set[str]) -> list[str]:
    inside = {name for name in reached if name.startswith(f"{to_relative(folder)}/")}
    if not inside:
        return []
    if folder != ROOT / "touchline" and _is_reached_whole(folder, inside):
        return [to_relative(folder)]
    deps = [name for name in inside if (ROOT / name).parent == folder]
    for sub in sorted(path for path in folder.iterdir() if path.is_dir()):
        deps += _cover_folder(sub, reached)
    return deps


def _is_reached_whole(folder: Path, inside: set[str]) -> bool:
    """A room with texts counts as a whole: which text is read is decided by a name at run time."""
    files = list_room_files(folder)
    code = [path for path in files if path.suffix == ".py"]
    return bool(list_texts(folder)) or len(inside) >= max(2, WHOLE_ROOM_SHARE * len(code))


def rewrite_pipeline() -> None:
    """Write the code deps of every stage into dvc.yaml; data, comments and order stay."""
    yaml = YAML()
    yaml.width, yaml.preserve_quotes = 1000, True
    yaml.indent(mapping=2, sequence=4, offset=2)
    text = yaml.load(ROOT / "dvc.yaml")
    for name, stage in text["stages"].items():
        old = stage["deps"]
        data = [dep for dep in old if not dep.startswith(tuple(f"{p}/" for p in PACKAGES))]
        stage["deps"] = CommentedSeq([*build_stage_deps(name), *data])
        for at, comment in old.ca.items.items():
            if old[at] in stage["deps"]:
                stage["deps"].ca.items[stage["deps"].index(old[at])] = comment
    yaml.dump(text, ROOT / "dvc.yaml")


if __name__ == "__main__":
    rewrite_pipeline()
