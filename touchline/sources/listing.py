"""What `touchline sources` says: each source, what of it lies here, and how to get the rest."""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from textwrap import fill
from typing import Any, Literal

from touchline.config import parsed
from touchline.errors import BadInput
from touchline.sources import SOURCES
from touchline.sources.folder import matching
from touchline.sources.source import Part, Source

WIDTH = 100  # columns
NOUNS = {"labels": "label file", "videos": "video", "commentary": "transcript"}
State = Literal["made here", "not set", "nothing here", "labels only", "incomplete", "complete"]


@dataclass(frozen=True)
class Place:
    """A folder that params.yaml or a preset gives a source; `files` counts them by part."""

    set_in: str
    folder: str
    exists: bool
    files: dict[str, int]


@dataclass(frozen=True)
class Missing:
    """A part of which no file is here."""

    holds: str
    where: str
    access: str


@dataclass(frozen=True)
class Listed:
    """One source as it is listed; the fields are those of `--json`."""

    name: str
    sports: tuple[str, ...]
    tasks: tuple[str, ...]
    licence: str
    terms: str
    homepage: str
    state: State
    places: tuple[Place, ...]
    missing: tuple[Missing, ...]


def every(root: Path) -> list[Listed]:
    """All sources in the catalogue's order; relative folders count from `root`, the checkout."""
    given = list(_given(root))
    listed = []
    for name, one in SOURCES.items():
        places = [_place(one, root, file, folder) for key, file, folder in given if key == name]
        listed.append(_listed(one, root, places))
    return listed


def as_json(listed: list[Listed]) -> str:
    return json.dumps([asdict(one) for one in listed], indent=2, ensure_ascii=False) + "\n"


def as_text(listed: list[Listed]) -> str:
    """A paragraph per source, no line longer than `WIDTH`."""
    return "\n".join(f"{chr(10).join(_lines(one))}\n" for one in listed)


def _given(root: Path) -> Iterator[tuple[str, str, str]]:
    """(source, file, folder) of all settings that name a folder."""
    for file in [root / "params.yaml", *sorted((root / "presets").glob("*.yaml"))]:
        for name, settings in _settings(file).items():
            if isinstance(settings, dict) and isinstance(settings.get("folder"), str):
                yield name, file.relative_to(root).as_posix(), settings["folder"]


def _settings(file: Path) -> dict[str, Any]:
    if not file.is_file():
        raise BadInput(file, "is missing", "run from a checkout of the project")
    found = parsed(file)
    for key in ("download", "sources"):
        found = found.get(key) if isinstance(found, dict) else None
    return found if isinstance(found, dict) else {}


def _place(source: Source, root: Path, file: str, folder: str) -> Place:
    here = root / folder
    files: dict[str, int] = {}
    for part in source.parts:
        files[part.holds] = files.get(part.holds, 0) + len(matching(here, part.files))
    return Place(file, folder, here.is_dir(), files)


def _listed(source: Source, root: Path, given: list[Place]) -> Listed:
    absent = [
        part
        for part in source.parts
        if not any(matching(root / place.folder, part.files) for place in given)
    ]
    return Listed(
        name=source.name,
        sports=source.sports,
        tasks=source.tasks,
        licence=source.licence,
        terms=source.terms,
        homepage=source.homepage,
        state=_state(source, given, absent),
        places=tuple(given),
        missing=tuple(Missing(part.holds, part.where, part.access) for part in absent),
    )


def _state(source: Source, places: list[Place], absent: list[Part]) -> State:
    if not source.parts:
        return "made here"
    if not places:
        return "not set"
    if not absent:
        return "complete"
    if len(absent) == len(source.parts):
        return "nothing here"
    return "labels only" if {part.holds for part in absent} == {"videos"} else "incomplete"


def _lines(one: Listed) -> Iterator[str]:
    yield fill(f"{one.name}: {one.state}", WIDTH)
    yield _item("asks", f"{', '.join(one.sports)}: {', '.join(one.tasks)}")
    yield _item("licence", f"{one.licence}; terms: {one.terms}")
    if one.homepage:
        yield _item("home", one.homepage)
    for place in one.places:
        counts = ", ".join(_counted(holds, count) for holds, count in place.files.items())
        said = counts if place.exists else "there is no such folder"
        yield _item("here", f"{place.folder} ({place.set_in}): {said}")
    if one.state == "not set":
        yield _item("here", f"no folder is set: download.sources.{one.name}.folder")
    for part in one.missing:
        yield _item("missing", f"{part.holds}: {part.access} {part.where}")


def _counted(holds: str, count: int) -> str:
    noun = NOUNS[holds] + ("" if count == 1 else "s")
    return f"{count or 'no'} {noun}"


def _item(head: str, text: str) -> str:
    """A line of a paragraph, broken between words: an address can be copied whole."""
    return fill(
        text,
        WIDTH,
        initial_indent=f"  {head:<9}",
        subsequent_indent=" " * 11,
        break_long_words=False,
        break_on_hyphens=False,
    )
