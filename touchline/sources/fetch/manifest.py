"""What was fetched, file by file: digests, and what a video shows, so that another is noticed."""

import json
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from touchline.atomic import atomic_file
from touchline.errors import InputError
from touchline.sources.fetch.request import Fetched
from touchline.video.probe import scan

NAME = "fetched.json"  # in the folder that was fetched into
VIDEO = {".avi", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".ts", ".webm"}
NOTHING: dict[str, Any] = {"codec": "", "fps": 0.0, "frames": 0, "duration": 0.0}


def read(file: Path) -> dict[str, Fetched]:
    """The rows of a manifest by path."""
    if not file.is_file():
        raise InputError(file, "is missing", "name the list that an earlier fetch wrote, or none")
    try:
        return {row["path"]: Fetched(**row) for row in json.loads(file.read_text("utf-8"))}
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        raise InputError(
            file, "is no list of fetched files", "name one that a fetch wrote"
        ) from None


def write(file: Path, rows: Iterable[Fetched]) -> None:
    """Add to what the manifest says. No address and no time: the same files give the same bytes."""
    merged = (read(file) if file.exists() else {}) | {row.path: row for row in rows}
    with atomic_file(file) as draft:
        listed = [asdict(merged[path]) for path in sorted(merged)]
        draft.write_text(json.dumps(listed, indent=1, ensure_ascii=False) + "\n", "utf-8")


def signature(path: Path, name: str = "") -> dict[str, Any]:
    """Codec, frames per second, frames and seconds of a video; empty for what cannot be one.

    A damaged video is no fault here: the stage that looks into it says what is wrong with it.
    """
    if Path(name or path.name).suffix.lower() not in VIDEO:
        return NOTHING
    try:
        seen = scan(path)
    except InputError:
        return NOTHING
    count, frame = len(seen.times), seen.frame
    rate, length = round(1 / frame, 6), round(count * frame, 6)
    return {"codec": seen.codec, "fps": rate, "frames": count, "duration": length}


def against(known: Fetched | None, path: Path, sha256: str) -> str:
    """How a file differs from the one known under its name, "" when it does not."""
    if known is None or known.sha256 == sha256:
        return ""
    was, now = _words(asdict(known)), _words(signature(path, known.path))
    same = f"its sha256 differs, though it shows as much ({now})"
    how = same if was == now else f"it shows {now} instead of {was}"
    return f"is not the file known as {known.path}: {how}"


def _words(video: dict[str, Any]) -> str:
    if not video["frames"]:
        return "no video"
    return f"{video['frames']} frames in {video['duration']:g} s of {video['codec']}"
