"""What sources read from the user's folders and buckets, as a dependency of a run's first stage.

`data/raw_files.json` holds one digest per folder or bucket that the settings of sources name, and
dvc.yaml lists the file: so DVC sees a folder that has changed. Names, sizes and modification times
are compared with those of the last run; a file is only read if they differ, or if it is small. All
files below a folder count, except those whose names begin with a dot.

`python -m flows.runs.raw_files` writes the file into the checkout, for a `dvc repro` by hand.
"""

import hashlib
import json
import os
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from flows.runs import overrides, worktree
from flows.runs.terminal import print_line
from flows.runs.worktree import RAW_FILES
from touchline.atomic import atomic_file
from touchline.errors import InputError
from touchline.raw_data import resolve_raw_path

STATE_FILE = ".touchline/raw_files.json"  # in the checkout: the files behind the digests
SMALL_BYTES = 2**20  # bytes up to which a new file is read: then its time does not matter
S3_TIMEOUT = 10.0  # seconds for an answer to a listing

FileEntry = tuple[int, str, str]  # bytes, mark (modification time or ETag), token of the content
FileTable = dict[str, FileEntry]  # by path below the folder
RawListing = dict[str, dict[str, dict[str, Any]]]  # source -> place -> {files, bytes, digest}


def write_raw_listing(root: Path, folder: Path, params: Mapping[str, Any]) -> None:
    """Write `data/raw_files.json` into the worktree `folder`, if its dvc.yaml names that file.

    What is out of reach (a folder that is not mounted, a bucket without a network) is listed as in
    the last run, with a printed note. Raises an input error for a folder that cannot be read.
    """
    if RAW_FILES not in (folder / "dvc.yaml").read_text():
        return
    state = _read_json(root / STATE_FILE)
    last_listing = read_last_listing(root)
    listing: RawListing = {}
    for source, settings in params.get("download", {}).get("sources", {}).items():
        places = _list_source_places(root, source, settings, state)
        stated = [*_list_texts(settings), _format_bucket(settings)]
        for place, summary in last_listing.get(source, {}).items():
            if place in stated and place not in places:
                print_line(f"{source}: {place} is out of reach, taken as it was in the last run")
                places[place] = summary
        listing[source] = places
    with atomic_file(folder / RAW_FILES) as draft:
        draft.write_text(json.dumps(listing, indent=1, sort_keys=True) + "\n")
    with atomic_file(root / STATE_FILE) as draft:
        draft.write_text(json.dumps(state))


def publish_raw_listing(folder: Path, root: Path) -> None:
    """Copy the file of a run's worktree into the checkout, where `dvc status` looks for it."""
    if (folder / RAW_FILES).is_file():
        with atomic_file(root / RAW_FILES) as draft:
            draft.write_bytes((folder / RAW_FILES).read_bytes())


def read_last_listing(root: Path) -> RawListing:
    """The listing in the checkout, or else that of the last run in git; {} if there is none."""
    if (root / RAW_FILES).is_file():
        return _read_json(root / RAW_FILES)
    refs = worktree.run_git(root, "for-each-ref", "--format=%(refname)", "refs/runs/").split()
    if not refs:
        return {}
    try:
        return json.loads(worktree.run_git(root, "show", f"{refs[-1]}:{RAW_FILES}"))
    except subprocess.CalledProcessError:  # a run whose sources read no raw data
        return {}


def _list_texts(settings: Mapping[str, Any]) -> list[str]:
    """The texts among a source's settings: what names something below the raw data is read."""
    return [value for value in settings.values() if isinstance(value, str) and value]


def _list_source_places(
    root: Path, source: str, settings: Mapping[str, Any], state: dict[str, Any]
) -> dict[str, dict[str, Any]]:
    """{place: its digest} of a source's folders, files and bucket that are within reach. Updates
    the tables of `state`.
    """
    tables: dict[str, tuple[str, FileTable]] = {}  # place -> (its key in the state, its files)
    if "bucket" in settings and (objects := _list_bucket(settings)) is not None:
        tables[_format_bucket(settings)] = _format_bucket(settings), objects
    for text in _list_texts(settings):
        path = resolve_raw_path(text, root)
        if path.exists():
            tables[text] = str(path), _list_files(path, state.get(str(path), {}))
    for place, (key, table) in tables.items():
        if key in state:
            _print_changes(f"{source}: {place}", state[key], table)
        state[key] = table
    return {place: _summarize_table(table) for place, (_, table) in tables.items()}


def _list_files(path: Path, last: Mapping[str, FileEntry]) -> FileTable:
    """The files below a folder, or the one file, with a token of each file's content."""
    table: FileTable = {}
    try:
        for name, status in _walk_files(path):
            size, mark = status.st_size, str(status.st_mtime_ns)
            known = last.get(name)
            if known and (known[0], known[1]) == (size, mark):
                table[name] = known
            elif known or size <= SMALL_BYTES:
                table[name] = size, mark, _hash_file(path / name)
            else:
                table[name] = size, mark, f"{size} bytes of {mark}"
    except OSError as error:
        wrong = f"cannot be read ({error.strerror}: {error.filename})"
        raise InputError(path, wrong, "give read permission, or take it out") from None
    return table


def _walk_files(path: Path) -> Iterator[tuple[str, os.stat_result]]:
    """(path below the folder, status) of each file; links to folders are not followed."""
    if path.is_file():
        yield "", path.stat()
        return
    folders = [""]
    while folders:
        above = folders.pop()
        with os.scandir(path / above) as entries:
            for entry in entries:
                if entry.name.startswith("."):
                    continue
                if entry.is_dir(follow_symlinks=False):
                    folders.append(f"{above}{entry.name}/")
                elif entry.is_file():  # a dead link is none
                    yield f"{above}{entry.name}", entry.stat()


def _hash_file(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _list_bucket(settings: Mapping[str, Any]) -> FileTable | None:
    """The objects of a bucket by key with their ETags; None, and a printed note, if it does not
    answer.
    """
    from touchline.sources.fetch.s3 import list_s3_objects

    prefix = settings.get("prefix", "").strip("/")
    below, endpoint = f"{prefix}/" if prefix else "", settings.get("endpoint", "")
    try:
        objects = list_s3_objects(settings["bucket"], below, endpoint, S3_TIMEOUT)
    except InputError as fault:
        print_line(f"note: {fault}")
        return None
    return {item.key: (item.size, item.etag, item.etag) for item in objects}


def _format_bucket(settings: Mapping[str, Any]) -> str:
    return f"s3://{settings.get('bucket', '')}/{settings.get('prefix', '').strip('/')}"


def _summarize_table(table: FileTable) -> dict[str, Any]:
    lines = (f"{name}\t{size}\t{token}" for name, (size, _, token) in sorted(table.items()))
    return {
        "files": len(table),
        "bytes": sum(size for size, _, _ in table.values()),
        "digest": hashlib.sha256("\n".join(lines).encode(errors="surrogateescape")).hexdigest(),
    }


def _print_changes(label: str, last: Mapping[str, FileEntry], table: FileTable) -> None:
    """Print how many files are new, changed or gone since the last run; nothing if none is."""
    new, gone = len(table.keys() - last.keys()), len(last.keys() - table.keys())
    changed = sum(last[name][2] != table[name][2] for name in table.keys() & last.keys())
    if new or changed or gone:
        print_line(f"{label} has changed: {new} files new, {changed} changed, {gone} gone")


def _read_json(file: Path) -> dict[str, Any]:
    return json.loads(file.read_text()) if file.is_file() else {}


if __name__ == "__main__":
    checkout = worktree.find_checkout()
    write_raw_listing(checkout, checkout, overrides.read_yaml_mapping(checkout / "params.yaml"))
