"""Bring a product back from DVC's cache by its digest: links to its objects, no worktree.

What the cache lacks comes from the shared store, if the environment names one.
"""

import json
import os
from pathlib import Path, PurePosixPath

from touchline.atomic import whole_folder
from touchline.errors import BadInput


def cache(root: Path) -> Path:
    """The object cache that all worktrees share, without opening the repository: that is slow."""
    from dvc.config import Config

    said = Config(str(root / ".dvc"))["cache"].get("dir", "")
    return Path(said or root / ".dvc" / "cache")


def restore(cache: Path, md5: str, folder: Path, whose: str) -> Path:
    """`folder` with links to the objects of a folder's digest; `whose` names it in a fault."""
    listed = names(cache, md5, whose)
    bring(cache, {one: f"{whose}, {name}" for name, one in listed.items()})
    files = {name: stored(cache, one, whose) for name, one in listed.items()}
    if folder.is_dir() and all((folder / name).is_file() for name in files):
        return folder
    with whole_folder(folder) as draft:
        for name, made in files.items():
            (draft / name).parent.mkdir(parents=True, exist_ok=True)
            (draft / name).symlink_to(made)
    return folder


def names(cache: Path, md5: str, whose: str) -> dict[str, str]:
    """The files of a folder's digest: path in the folder -> digest."""
    listed = json.loads(stored(cache, md5, whose).read_text(encoding="utf-8"))
    return {_inside(one["relpath"], whose): one["md5"] for one in listed}


def stored(cache: Path, md5: str, whose: str) -> Path:
    """The object of a digest."""
    if md5:
        bring(cache, {md5: whose})
    file = place(cache, md5).resolve()
    if not md5 or not file.is_file():
        wrong = f"is not in DVC's cache ({md5 or 'no digest'})"
        raise BadInput(
            whose, wrong, "set TOUCHLINE_REMOTE to a store that has it, or rerun its run"
        )
    return file


def place(cache: Path, md5: str) -> Path:
    """Where the cache has the object, if it has."""
    return cache / "files" / "md5" / md5[:2] / md5[2:]


def bring(cache: Path, wanted: dict[str, str]) -> None:
    """Fetch what the cache lacks (digest -> name) where TOUCHLINE_REMOTE names a store."""
    lacking = {md5: name for md5, name in wanted.items() if not place(cache, md5).is_file()}
    if lacking and os.environ.get("TOUCHLINE_REMOTE"):
        from flows.store import remote  # importing DVC takes a second

        remote.needed().bring(cache, lacking)


def _inside(name: str, whose: str) -> str:
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts:
        raise BadInput(whose, f"names a file outside of its folder: {name}", "restore the cache")
    return name
