"""What was withdrawn and must never come in again: read at the door of download."""

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
    """One withdrawal; `files` are the sha256 and sizes of the videos, whatever their names."""

    kind: Literal["match", "file", "source"]
    name: str
    since: str
    files: dict[str, int]

    @property
    def id(self) -> str:
        """By what others refer to it who must not name it."""
        return hashlib.sha256(f"{self.kind} {self.name}".encode()).hexdigest()[:12]

    def covers(self, video: str, match: str) -> bool:
        """Whether a video of this id and match is withdrawn."""
        by_kind = {"file": video, "match": match, "source": match.split("/")[0]}
        return by_kind[self.kind] == self.name


def read_tombstones(file: Path) -> list[Tombstone]:
    """All withdrawals; none where there is no such file. What is no tombstone is a `InputError`."""
    if not file.is_file():
        return []
    try:
        given = YAML(typ="safe").load(file.read_text(encoding="utf-8")) or {}
        return [Tombstone.model_validate(one) for one in given["withdrawn"]]
    except (YAMLError, ValidationError, KeyError, TypeError) as error:
        wrong = f"is no list of tombstones ({' '.join(str(error).split())[:80]})"
        raise InputError(file, wrong, "see docs/lineage.md, or `git checkout` it") from None


def add_tombstone(file: Path, stone: Tombstone) -> None:
    """Put one into the file, in place of an earlier one of the same name."""
    every = [one for one in read_tombstones(file) if one.id != stone.id] + [stone]
    with atomic_file(file) as draft, draft.open("w", encoding="utf-8") as stream:
        stream.write(TOMBSTONES_HEADER)
        YAML().dump({"withdrawn": [one.model_dump() for one in every]}, stream)


def remove_withdrawn_videos(
    folder: Path, listed: Iterable[Any], stones: Sequence[Tombstone]
) -> int:
    """Remove what is withdrawn from a source's folder; how many videos were.

    A folder goes whole where only withdrawn videos lie in it, so that labels beside them go too;
    so does any file with the bytes of a withdrawn one, whatever its name.
    """
    every = list(listed)
    gone = [one for one in every if any(s.covers(one.id, one.match) for s in stones)]
    kept = {one.path.parent for one in every if one.path and one not in gone}
    for one in gone:
        if one.path is None:
            continue
        (folder / one.path).unlink(missing_ok=True)
        above = one.path.parent
        if above != Path() and not any(above == k or above in k.parents for k in kept):
            shutil.rmtree(folder / above, ignore_errors=True)
    return len(gone) + _remove_renamed_copies(folder, stones)


def _remove_renamed_copies(folder: Path, stones: Sequence[Tombstone]) -> int:
    """Remove files with withdrawn bytes; only those of the right size are read."""
    known = {digest: size for stone in stones for digest, size in stone.files.items()}
    found = [
        path
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.stat().st_size in known.values() and _file_sha256(path) in known
    ]
    for path in found:
        path.unlink()
    return len(found)


def _file_sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
