"""Read labels in E2E-Spot's format: `train.json`, `val.json` and `test.json`, events of short
videos by frame number.

Hong et al., "Spotting Temporally Precise, Fine-Grained Events in Video" (ECCV 2022).
"""

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from touchline.errors import InputError
from touchline.records.label import Label
from touchline.records.video import Video
from touchline.sources.folder import VIDEO_PATTERNS, VideoFiles
from touchline.sources.readers import load_json_file
from touchline.sources.ready_questions import frame_to_seconds
from touchline.sources.source import ReadResult, SourcePart, SourceVideo
from touchline.sports.sport import Sport

HOMEPAGE = "https://github.com/jhong93/spot"
LABEL_FILES = ("train.json", "val.json", "test.json")
ROW_KEYS = ("video", "num_frames", "fps", "num_events", "events")
DURATION_TOLERANCE = (
    0.5  # seconds by which a video may differ from the length that the labels state
)
FIX_ROW = "correct the row or remove it"


@dataclass(frozen=True)
class E2eDataset:
    """A dataset in this format. `match` extracts the match's name from a video's name (group 1);
    `fps` is used where the file gives -1.
    """

    name: str
    sport: Sport
    match: re.Pattern[str]  # its group 1 is what of a video's name is the match's
    fps: float


@dataclass(frozen=True)
class E2eVideoRow:
    """One checked video row of a label file; its events are checked later."""

    id: str
    video: str  # id
    match: str
    name: str  # of the video, and of its file without the ending
    frames: int
    fps: float
    info: Any  # what the set's makers took over from elsewhere


NumberedRows = list[tuple[str, str, Any]]  # id of the row, place in words, the row


def build_e2e_parts(folder: str, videos: str) -> tuple[SourcePart, ...]:
    """Build the labels and videos parts of a source; `folder` is the dataset's folder below `data/`
    in the E2E-Spot repository, `videos` says how to get the videos.
    """
    labels = f"Free for all: take the JSON files from data/{folder} of the repository."
    return (
        SourcePart("labels", LABEL_FILES, f"{HOMEPAGE}/tree/main/data/{folder}", labels),
        SourcePart("videos", VIDEO_PATTERNS, f"{HOMEPAGE}/tree/main/data/{folder}", videos),
    )


def read_e2e_rows(name: str, folder: Path) -> tuple[NumberedRows, ReadResult[Any]]:
    """Return (numbered rows of all label files, faults of files). A file that cannot be read
    becomes one fault, named after the file.
    """
    file_result, numbered_rows = ReadResult[Any](), []
    for file in (folder / file_name for file_name in LABEL_FILES if (folder / file_name).is_file()):
        file_result.rows = []
        file_result.take(f"{name}/{file.name}", load_json_file, file, "", list)
        for content in file_result.rows:
            numbered_rows += [
                (f"{name}/{file.name}/{i}", f"{file}: [{i}]", row) for i, row in enumerate(content)
            ]
    return numbered_rows, file_result


def parse_e2e_rows(dataset: E2eDataset, numbered_rows: NumberedRows) -> ReadResult[E2eVideoRow]:
    """Check the rows. A video that occurs in two rows is a fault the second time."""
    reading: ReadResult[E2eVideoRow] = ReadResult()
    place_by_video: dict[str, str] = {}
    for id, place, row in numbered_rows:
        reading.take(id, _parse_row, dataset, id, place, row, place_by_video)
    return reading


def list_e2e_videos(dataset: E2eDataset, folder: Path) -> ReadResult[SourceVideo]:
    """List every labelled video, whether its file is present or not (then `path` is None)."""
    numbered_rows, file_result = read_e2e_rows(dataset.name, folder)
    parsed, video_files = parse_e2e_rows(dataset, numbered_rows), VideoFiles(folder)
    reading: ReadResult[SourceVideo] = ReadResult(faults=[*file_result.faults, *parsed.faults])
    for entry in parsed.rows:
        reading.take(entry.id, _to_source_video, dataset, entry, video_files)
    return reading


def read_e2e_labels(
    dataset: E2eDataset, folder: Path, videos: Sequence[Video]
) -> ReadResult[Label]:
    """Read one label per event, at its frame's time. Events of a video that is not in `videos`
    become faults.
    """
    numbered_rows, _ = read_e2e_rows(dataset.name, folder)
    entry_by_row = {entry.id: entry for entry in parse_e2e_rows(dataset, numbered_rows).rows}
    videos_by_id = {video.id: video for video in videos}
    reading: ReadResult[Label] = ReadResult()
    for id, place, row in numbered_rows:
        entry, labelled_frames = entry_by_row.get(id), set()
        video = videos_by_id.get(entry.video) if entry else None
        for i, event in _iterate_events(row):
            event_place = f"{place}.events[{i}]"
            reading.take(
                f"{id}/events/{i}",
                _to_label,
                dataset,
                event_place,
                i,
                event,
                entry,
                video,
                labelled_frames,
            )
    return reading


def _iterate_events(row: Any) -> Iterator[tuple[int, Any]]:
    events = row.get("events") if isinstance(row, dict) else None
    yield from enumerate(events if isinstance(events, list) else [])


def _parse_row(
    dataset: E2eDataset, id: str, place: str, row: Any, place_by_video: dict[str, str]
) -> E2eVideoRow:
    missing = [key for key in ROW_KEYS if not isinstance(row, dict) or key not in row]
    if missing:
        raise InputError(place, f"lacks the key {missing[0]!r}", FIX_ROW)
    frames, fps = (
        _parse_frame_count(f"{place}.num_frames", row["num_frames"]),
        _parse_frame_rate(dataset, place, row["fps"]),
    )
    if not isinstance(row["events"], list) or len(row["events"]) != row["num_events"]:
        raise InputError(
            f"{place}.events", f"are not the {row['num_events']!r} events stated", FIX_ROW
        )
    name_match = dataset.match.fullmatch(str(row["video"]))
    if not name_match:
        raise InputError(f"{place}.video", f"{row['video']!r} does not name its match", FIX_ROW)
    first = place_by_video.setdefault(row["video"], place)
    if first != place:
        raise InputError(place, f"is about the same video as {first}", "remove one of the two")
    match = f"{dataset.name}/{name_match[1]}"
    video, info = f"{match}/{row['video']}", row.get("_source_info")
    return E2eVideoRow(
        id=id, video=video, match=match, name=row["video"], frames=frames, fps=fps, info=info
    )


def _parse_frame_count(place: str, value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value < 10**7:
        raise InputError(place, f"{value!r} is not a number of frames", FIX_ROW)
    return value


def _parse_frame_rate(dataset: E2eDataset, place: str, value: Any) -> float:
    """Frames per second: the file's own, or the set's where the file has -1."""
    if value == -1 and dataset.fps:
        return dataset.fps
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InputError(f"{place}.fps", f"{value!r} is not a frame rate", FIX_ROW)
    if not math.isfinite(value) or not 1 <= value <= 1000:
        raise InputError(f"{place}.fps", f"{value!r} is not a frame rate", FIX_ROW)
    return float(value)


def _to_source_video(
    dataset: E2eDataset, entry: E2eVideoRow, video_files: VideoFiles
) -> SourceVideo:
    path = video_files.find(entry.id, entry.name)
    length = round(entry.frames / entry.fps, 6)
    return SourceVideo(
        id=entry.video,
        path=path,
        sport=dataset.sport.name,
        match=entry.match,
        part=entry.name,
        duration=length,
    )


def _to_label(
    dataset: E2eDataset,
    place: str,
    index: int,
    event: Any,
    entry: E2eVideoRow | None,
    video: Video | None,
    labelled_frames: set[tuple[int, str]],
) -> Label:
    if entry is None or video is None:
        raise InputError(place, "its video was left out", "see the fault of the video")
    frame, name = _parse_event(dataset, place, event, entry)
    if (frame, name) in labelled_frames:
        raise InputError(place, "stands here twice", "remove one of the two")
    labelled_frames.add((frame, name))
    time = _event_time(place, frame, entry, video)
    return Label(
        id=f"{video.id}/events/{index}",
        video=video.id,
        name=name,
        start=time,
        end=time,
        team="",
        task="",
        asked="",
        options=[],
        answer="",
    )


def _parse_event(
    dataset: E2eDataset, place: str, event: Any, entry: E2eVideoRow
) -> tuple[int, str]:
    if not isinstance(event, dict) or not {"frame", "label"} <= set(event):
        raise InputError(place, "is not an event with frame and label", FIX_ROW)
    frame, name = event["frame"], event["label"]
    if not isinstance(name, str) or name not in dataset.sport.words:
        choices = ", ".join(dataset.sport.words)
        raise InputError(
            place, f"{name!r} is not a label of {dataset.sport.name}", f"choose among {choices}"
        )
    if isinstance(frame, bool) or not isinstance(frame, int) or not 0 <= frame < entry.frames:
        raise InputError(place, f"{frame!r} is not a frame of the {entry.frames} stated", FIX_ROW)
    return frame, name


def _event_time(place: str, frame: int, entry: E2eVideoRow, video: Video) -> float:
    """Seconds; a video of another length than stated was cut elsewhere, its frames mean nothing."""
    stated = entry.frames / entry.fps
    if video.frames not in (0, entry.frames) and abs(video.duration - stated) > DURATION_TOLERANCE:
        wrong = f"its labels cover {stated:.2f} s, the video lasts {video.duration:.2f} s"
        raise InputError(place, wrong, "fetch the video that the labels were made on")
    if video.frames == entry.frames:  # then the frames agree, whatever rate the file states
        return round(frame / video.fps, 6)
    return frame_to_seconds(frame, entry.fps, video)
