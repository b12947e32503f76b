"""Register of withdrawn matches, files and sources (tombstones.yaml), which `download` removes
again each time.
"""

import hashlib
import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from touchline.atomic import atomic_file
from touchline.config import Params
from touchline.errors import InputError

TOMBSTONES_FILE = "tombstones.yaml"
TOMBSTONES_HEADER = "# What was withdrawn: no download lets it in again. See docs/lineage.md.\n"


class Tombstone(Params):
    """One withdrawal; `files` maps sha256 -> size of the withdrawn videos."""

    kind: Literal["match", "file", "source"]
    name: str
    since: str
    files: dict[str, int]

    @property
    def id(self) -> str:
        """A digest of kind and name, for places that must not contain the name."""
        return hashlib.sha256(f"{self.kind} {self.name}".encode()).hexdigest()[:12]

    def covers(self, video: str, match: str) -> bool:
        """Whether a video of this id and match is withdrawn."""
        by_kind = {"file": video, "match": match, "source": match.split("/")[0]}
        return by_kind[self.kind] == self.name


def read_tombstones(file: Path) -> list[Tombstone]:
    """Read all withdrawals; [] if the file does not exist. Raises InputError if it is invalid."""
    if not file.is_file():
        return []
    try:
        document = YAML(typ="safe").load(file.read_text(encoding="utf-8")) or {}
        return [Tombstone.model_validate(entry) for entry in document["withdrawn"]]
    except (YAMLError, ValidationError, KeyError, TypeError) as error:
        wrong = f"is not a list of tombstones ({' '.join(str(error).split())[:80]})"
        raise InputError(file, wrong, "see docs/lineage.md, or `git checkout` it") from None


def add_tombstone(file: Path, tombstone: Tombstone) -> None:
    """Add a withdrawal to the file, replacing one of the same kind and name."""
    entries = [entry for entry in read_tombstones(file) if entry.id != tombstone.id] + [tombstone]
    with atomic_file(file) as draft, draft.open("w", encoding="utf-8") as stream:
        stream.write(TOMBSTONES_HEADER)
        YAML().dump({"withdrawn": [entry.model_dump() for entry in entries]}, stream)


def remove_withdrawn_videos(
    folder: Path, listed: Iterable[Any], tombstones: Sequence[Tombstone]
) -> int:
    """Delete withdrawn videos from a source's folder and return how many.

    A folder that holds only withdrawn videos is deleted with its labels; files with the content of
    a withdrawn one are deleted whatever their name.
    """
    videos = list(listed)
    withdrawn = [
        video for video in videos if any(s.covers(video.id, video.match) for s in tombstones)
    ]
    kept_folders = {video.path.parent for video in videos if video.path and video not in withdrawn}
    for video in withdrawn:
        if video.path is None:
            continue
        (folder / video.path).unlink(missing_ok=True)
        parent = video.path.parent
        if parent != Path() and not any(parent == k or parent in k.parents for k in kept_folders):
            shutil.rmtree(folder / parent, ignore_errors=True)
    return len(withdrawn) + _remove_renamed_copies(folder, tombstones)


def _remove_renamed_copies(folder: Path, tombstones: Sequence[Tombstone]) -> int:
    """Remove files with withdrawn bytes; only those of the right size are read."""
    size_by_digest = {
        digest: size for tombstone in tombstones for digest, size in tombstone.files.items()
    }
    copies = [
        path
        for path in sorted(folder.rglob("*"))
        if path.is_file()
        and path.stat().st_size in size_by_digest.values()
        and _file_sha256(path) in size_by_digest
    ]
    for path in copies:
        path.unlink()
    return len(copies)


def _file_sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
