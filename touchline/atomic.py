"""Atomic writes: write a file or folder beside its target and rename it when complete."""

import errno
import glob
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from touchline.errors import InputError


@contextmanager
def atomic_file(path: Path) -> Iterator[Path]:
    """Context manager: yield a draft path to write; it replaces `path` if the block ends without an
    error.
    """
    with _atomic_path(path) as draft:
        yield draft


@contextmanager
def atomic_folder(path: Path) -> Iterator[Path]:
    """Context manager: yield an empty draft folder; it replaces `path` if the block ends without an
    error.
    """
    with _atomic_path(path) as draft:
        draft.mkdir()
        yield draft


@contextmanager
def _atomic_path(path: Path) -> Iterator[Path]:
    draft = path.with_name(f".{path.name}.{os.getpid()}.part")
    path.parent.mkdir(parents=True, exist_ok=True)
    _remove_stale_drafts(path)
    try:
        yield draft
        _remove_path(path)
        draft.rename(path)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise build_disk_full_error(path) from error
        raise
    finally:
        _remove_path(draft)


def build_disk_full_error(path: Path) -> InputError:
    """The InputError for a full disk, naming the free space."""
    free = shutil.disk_usage(path.parent).free / 2**20
    return InputError(path, f"the disk is full ({free:.0f} MiB free)", "free some space and rerun")


def _remove_stale_drafts(path: Path) -> None:
    """Remove what a killed writer of the same product left: its process is gone."""
    for stale_draft in path.parent.glob(f".{glob.escape(path.name)}.*.part"):
        pid = stale_draft.name.removeprefix(f".{path.name}.").removesuffix(".part")
        if not pid.isdecimal():  # the draft of another: `a.json` beside `a`
            continue
        if pid == str(os.getpid()) or not Path("/proc", pid).exists():
            _remove_path(stale_draft)


def _remove_path(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
