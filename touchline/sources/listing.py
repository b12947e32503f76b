"""What `touchline sources` prints: each source, which of its files are present, and how to get the
missing ones.
"""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from textwrap import fill
from typing import Any, Literal

from touchline.config import load_yaml_file
from touchline.errors import InputError
from touchline.raw_data import RAW_VARIABLE, resolve_raw_path
from touchline.sources import SOURCES
from touchline.sources.folder import glob_files
from touchline.sources.source import Source, SourcePart

WIDTH = 100  # columns
NOUNS = {"labels": "label file", "videos": "video", "commentary": "transcript"}
SourceState = Literal[
    "made here", "not set", "nothing here", "labels only", "incomplete", "complete"
]


@dataclass(frozen=True)
class ConfiguredFolder:
    """A folder configured for a source in params.yaml or a preset; `files` counts the files found
    there by part.
    """

    set_in: str
    folder: str
    exists: bool
    files: dict[str, int]


@dataclass(frozen=True)
class MissingPart:
    """A part of a source of which no file is present, and how to get it."""

    holds: str
    where: str
    access: str


@dataclass(frozen=True)
class SourceListing:
    """One source as it is printed; the fields are the keys of `--json`."""

    name: str
    sports: tuple[str, ...]
    tasks: tuple[str, ...]
    licence: str
    terms: str
    homepage: str
    state: SourceState
    places: tuple[ConfiguredFolder, ...]
    missing: tuple[MissingPart, ...]


def list_sources(root: Path) -> list[SourceListing]:
    """Describe all sources, in registry order; relative folders are below the raw data of
    `root`, the checkout."""
    configured = list(_configured_folders(root))
    listings = []
    for name, source in SOURCES.items():
        places = [
            _count_files(source, root, file, folder)
            for key, file, folder in configured
            if key == name
        ]
        listings.append(_describe_source(source, root, places))
    return listings


def format_sources_json(listings: list[SourceListing]) -> str:
    """Format the listings as a JSON array."""
    return (
        json.dumps([asdict(listing) for listing in listings], indent=2, ensure_ascii=False) + "\n"
    )


def format_sources_text(listings: list[SourceListing]) -> str:
    """Format the listings as text, one paragraph per source, at most WIDTH columns wide."""
    return "\n".join(f"{chr(10).join(_format_lines(listing))}\n" for listing in listings)


def _configured_folders(root: Path) -> Iterator[tuple[str, str, str]]:
    """(source, file, folder) of all settings that name a folder."""
    for file in [root / "params.yaml", *sorted((root / "presets").glob("*.yaml"))]:
        for name, settings in _source_settings(file).items():
            if isinstance(settings, dict) and isinstance(settings.get("folder"), str):
                yield name, file.relative_to(root).as_posix(), settings["folder"]


def _source_settings(file: Path) -> dict[str, Any]:
    if not file.is_file():
        raise InputError(file, "is missing", "run from a checkout of the project")
    content = load_yaml_file(file)
    for key in ("download", "sources"):
        content = content.get(key) if isinstance(content, dict) else None
    return content if isinstance(content, dict) else {}


def _count_files(source: Source, root: Path, file: str, folder: str) -> ConfiguredFolder:
    here = resolve_raw_path(folder, root)
    files: dict[str, int] = {}
    for part in source.parts:
        files[part.holds] = files.get(part.holds, 0) + len(glob_files(here, part.files))
    return ConfiguredFolder(file, folder, here.is_dir(), files)


def _describe_source(source: Source, root: Path, folders: list[ConfiguredFolder]) -> SourceListing:
    absent = [
        part
        for part in source.parts
        if not any(
            glob_files(resolve_raw_path(place.folder, root), part.files) for place in folders
        )
    ]
    return SourceListing(
        name=source.name,
        sports=source.sports,
        tasks=source.tasks,
        licence=source.licence,
        terms=source.terms,
        homepage=source.homepage,
        state=_source_state(source, folders, absent),
        places=tuple(folders),
        missing=tuple(MissingPart(part.holds, part.where, part.access) for part in absent),
    )


def _source_state(
    source: Source, places: list[ConfiguredFolder], absent: list[SourcePart]
) -> SourceState:
    if not source.parts:
        return "made here"
    if not places:
        return "not set"
    if not absent:
        return "complete"
    if len(absent) == len(source.parts):
        return "nothing here"
    return "labels only" if {part.holds for part in absent} == {"videos"} else "incomplete"


def _format_lines(listing: SourceListing) -> Iterator[str]:
    yield fill(f"{listing.name}: {listing.state}", WIDTH)
    yield _wrap_item("asks", f"{', '.join(listing.sports)}: {', '.join(listing.tasks)}")
    yield _wrap_item("licence", f"{listing.licence}; terms: {listing.terms}")
    if listing.homepage:
        yield _wrap_item("home", listing.homepage)
    for place in listing.places:
        counts = ", ".join(_format_count(holds, count) for holds, count in place.files.items())
        description = counts if place.exists else f"there is no such folder; see {RAW_VARIABLE}"
        yield _wrap_item("here", f"{place.folder} ({place.set_in}): {description}")
    if listing.state == "not set":
        yield _wrap_item("here", f"no folder is set: download.sources.{listing.name}.folder")
    for part in listing.missing:
        yield _wrap_item("missing", f"{part.holds}: {part.access} {part.where}")


def _format_count(holds: str, count: int) -> str:
    noun = NOUNS[holds] + ("" if count == 1 else "s")
    return f"{count or 'no'} {noun}"


def _wrap_item(head: str, text: str) -> str:
    """A line of a paragraph, broken between words: an address can be copied whole."""
    return fill(
        text,
        WIDTH,
        initial_indent=f"  {head:<9}",
        subsequent_indent=" " * 11,
        break_long_words=False,
        break_on_hyphens=False,
    )
