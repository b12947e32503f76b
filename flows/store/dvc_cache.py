"""Restore products from DVC's cache by md5, as links to cached objects, without a worktree.

Missing objects are fetched from the shared store if `TOUCHLINE_REMOTE` is set.
"""

import json
import os
from pathlib import Path, PurePosixPath

from touchline.atomic import atomic_folder
from touchline.errors import InputError


def find_object_cache(root: Path) -> Path:
    """Folder of DVC's object cache, read from the config without opening the repository, which is
    slow.
    """
    from dvc.config import Config

    cache_dir = Config(str(root / ".dvc"))["cache"].get("dir", "")
    return Path(cache_dir or root / ".dvc" / "cache")


def restore_product_folder(cache: Path, md5: str, folder: Path, label: str) -> Path:
    """Fill `folder` with links to the objects of a folder product and return it; `label` names the
    product in error messages.
    """
    listing = read_folder_listing(cache, md5, label)
    fetch_missing_objects(cache, {digest: f"{label}, {name}" for name, digest in listing.items()})
    files = {name: locate_cached_object(cache, digest, label) for name, digest in listing.items()}
    if folder.is_dir() and all((folder / name).is_file() for name in files):
        return folder
    with atomic_folder(folder) as draft:
        for name, object_path in files.items():
            (draft / name).parent.mkdir(parents=True, exist_ok=True)
            (draft / name).symlink_to(object_path)
    return folder


def read_folder_listing(cache: Path, md5: str, label: str) -> dict[str, str]:
    """Listing of a folder product: {path in the folder: md5}. Raises `InputError` for a path
    outside of the folder.
    """
    entries = json.loads(locate_cached_object(cache, md5, label).read_text(encoding="utf-8"))
    return {_check_inside(entry["relpath"], label): entry["md5"] for entry in entries}


def locate_cached_object(cache: Path, md5: str, label: str) -> Path:
    """Path of a cached object, fetched first if needed. Raises `InputError` if it is
    not available.
    """
    if md5:
        fetch_missing_objects(cache, {md5: label})
    file = get_object_path(cache, md5).resolve()
    if not md5 or not file.is_file():
        problem = f"is not in DVC's cache ({md5 or 'no digest'})"
        raise InputError(
            label, problem, "set TOUCHLINE_REMOTE to a store that has it, or rerun its run"
        )
    return file


def get_object_path(cache: Path, md5: str) -> Path:
    """Where the cache keeps an object, whether or not it exists."""
    return cache / "files" / "md5" / md5[:2] / md5[2:]


def fetch_missing_objects(cache: Path, names_by_digest: dict[str, str]) -> None:
    """Fetch the objects of {md5: name} that the cache lacks, if `TOUCHLINE_REMOTE` is set."""
    lacking = {
        md5: name
        for md5, name in names_by_digest.items()
        if not get_object_path(cache, md5).is_file()
    }
    if lacking and os.environ.get("TOUCHLINE_REMOTE"):
        from flows.store import remote  # importing DVC takes a second

        remote.require_remote_store().fetch(cache, lacking)


def _check_inside(name: str, label: str) -> str:
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts:
        raise InputError(label, f"names a file outside of its folder: {name}", "restore the cache")
    return name
