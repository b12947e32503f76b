"""The manifest of a download: size, sha256 and video signature of every file."""

import json
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from touchline.atomic import atomic_file
from touchline.errors import InputError
from touchline.sources.fetch.request import FetchedFile
from touchline.video.probe import scan_packets

FETCH_MANIFEST_NAME = "fetched.json"  # in the folder that was fetched into
VIDEO_SUFFIXES = {".avi", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".ts", ".webm"}
EMPTY_SIGNATURE: dict[str, Any] = {"codec": "", "fps": 0.0, "frames": 0, "duration": 0.0}


def read_fetch_manifest(file: Path) -> dict[str, FetchedFile]:
    """The rows of a manifest, by path. Raises `InputError` if the file is missing or malformed."""
    if not file.is_file():
        raise InputError(file, "is missing", "name the list that an earlier fetch wrote, or none")
    try:
        return {row["path"]: FetchedFile(**row) for row in json.loads(file.read_text("utf-8"))}
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        raise InputError(
            file, "is not a list of fetched files", "name one that a fetch wrote"
        ) from None


def update_fetch_manifest(file: Path, rows: Iterable[FetchedFile]) -> None:
    """Add rows to the manifest, replacing those with the same path. It holds no address and no
    time, so that equal files give equal bytes.
    """
    merged = (read_fetch_manifest(file) if file.exists() else {}) | {row.path: row for row in rows}
    with atomic_file(file) as draft:
        listed = [asdict(merged[path]) for path in sorted(merged)]
        draft.write_text(json.dumps(listed, indent=1, ensure_ascii=False) + "\n", "utf-8")


def compute_video_signature(path: Path, name: str = "") -> dict[str, Any]:
    """Codec, frames per second, number of frames and duration in seconds of a video; zeros and ""
    for other files.

    A damaged video raises no error here; the stage that decodes it reports what is wrong.
    """
    if Path(name or path.name).suffix.lower() not in VIDEO_SUFFIXES:
        return EMPTY_SIGNATURE
    try:
        packet_scan = scan_packets(path)
    except InputError:
        return EMPTY_SIGNATURE
    count, frame_seconds = len(packet_scan.times), packet_scan.frame_seconds
    rate, length = round(1 / frame_seconds, 6), round(count * frame_seconds, 6)
    return {"codec": packet_scan.codec, "fps": rate, "frames": count, "duration": length}


def describe_file_change(earlier: FetchedFile | None, path: Path, sha256: str) -> str:
    """How a file differs from the one in an earlier manifest, as the end of a sentence; "" if it
    does not differ.
    """
    if earlier is None or earlier.sha256 == sha256:
        return ""
    before, now = (
        _describe_video(asdict(earlier)),
        _describe_video(compute_video_signature(path, earlier.path)),
    )
    same = f"its sha256 differs, though it shows as much ({now})"
    difference = same if before == now else f"it shows {now} instead of {before}"
    return f"is not the file known as {earlier.path}: {difference}"


def _describe_video(video: dict[str, Any]) -> str:
    if not video["frames"]:
        return "no video"
    return f"{video['frames']} frames in {video['duration']:g} s of {video['codec']}"
