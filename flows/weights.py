"""Bring a product back from DVC's cache by its digest: links to its objects, no worktree."""

import json
from pathlib import Path, PurePosixPath

from touchline.faults import BadInput
from touchline.products import whole_folder


def cache(root: Path) -> Path:
    """The object cache that all worktrees share, without opening the repository: that is slow."""
    from dvc.config import Config

    said = Config(str(root / ".dvc"))["cache"].get("dir", "")
    return Path(said or root / ".dvc" / "cache")


def restore(cache: Path, md5: str, folder: Path, whose: str) -> Path:
    """`folder` with links to the objects of a folder's digest; `whose` names it in a fault."""
    files = {name: stored(cache, one, whose) for name, one in names(cache, md5, whose).items()}
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
    file = (cache / "files" / "md5" / md5[:2] / md5[2:]).resolve()
    if not md5 or not file.is_file():
        wrong = f"is not in DVC's cache ({md5 or 'no digest'})"
        raise BadInput(whose, wrong, "`dvc fetch` it from a remote, or rerun its run")
    return file


def _inside(name: str, whose: str) -> str:
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts:
        raise BadInput(whose, f"names a file outside of its folder: {name}", "restore the cache")
    return name
