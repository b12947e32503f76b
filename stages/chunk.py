"""Stage: decode each video once into the frame store and divide it into clips."""

from collections.abc import Iterator, Sequence
from concurrent.futures import Executor
from pathlib import Path
from typing import Literal

import numpy as np
from pydantic import Field

from touchline import licence
from touchline.atomic import atomic_folder
from touchline.config import Params, run_stage
from touchline.errors import InputError
from touchline.ledger import RowLedger
from touchline.progress import track_progress
from touchline.records.clip import Clip
from touchline.records.table import read_records, write_records
from touchline.records.video import Video
from touchline.video.container import REFETCH_REMEDY
from touchline.video.frame_store import get_frame_store_path
from touchline.video.windows import plan_clip_windows
from touchline.video.workers import map_jobs, open_worker_pool
from touchline.video.write_store import DecodingSummary, write_frame_store

NO_FRAMES_WRITTEN = DecodingSummary([], 0, 0)  # of a video that is not here
MAX_LOST_SHARE = (
    0.01  # share of frames that may be damaged: more is a broken file, less a broken second
)


class ChunkParams(Params):
    """Params section `chunk`."""

    seconds: float = Field(gt=0)
    stride: float = Field(gt=0)
    rest: Literal["overlap", "short"]  # what covers less than half a clip at the end
    fps: float = Field(gt=0)
    height: int = Field(ge=16)
    quality: int = Field(ge=1, le=95)
    workers: int = Field(ge=1)


def main(
    chunk: ChunkParams, videos: Path, manifest: Path, frames: Path, clips: Path
) -> dict[str, float]:
    """Write the frame store of every video to `frames` and clips.parquet to `clips`. Returns the
    stage's metrics.
    """
    video_rows = read_records(manifest / "videos.parquet", Video)
    ledger = RowLedger(video.id for video in video_rows)
    with atomic_folder(frames) as draft, open_worker_pool(chunk.workers) as executor:
        results = write_all_frames(executor, chunk, video_rows, videos, draft)
        licence.write_product_terms(draft, licence.collect_source_terms(video_rows))
    clips_by_video = [
        list(cut_video_into_clips(chunk, video, result))
        for video, result in zip(video_rows, results, strict=True)
    ]
    for video, rows in zip(video_rows, clips_by_video, strict=True):
        ledger.split(video.id, f"into {len(rows)} clips")
    rows = [clip for rows in clips_by_video for clip in rows]
    with atomic_folder(clips) as draft:
        write_records(draft / "clips.parquet", Clip, rows)
        totals = ledger.close(draft / "ledger.parquet")
        licence.write_product_terms(draft, licence.collect_source_terms(rows))
    return totals | compute_chunk_metrics(video_rows, results, rows)


def write_all_frames(
    executor: Executor, chunk: ChunkParams, video_rows: Sequence[Video], videos: Path, folder: Path
) -> list[DecodingSummary]:
    """Write the frame store of every available video in parallel; returns one result per video,
    empty for unavailable ones.

    Raises InputError if more than MAX_LOST_SHARE of a video's frames cannot be decoded.
    """
    settings = (chunk.fps, chunk.height, chunk.quality, chunk.seconds)
    available_videos = [video for video in video_rows if video.path]
    jobs = [
        (videos / v.path, get_frame_store_path(folder, v.id), *settings, v.terms)
        for v in available_videos
    ]
    results = list(
        track_progress(map_jobs(executor, write_frame_store, jobs), "chunk", total=len(jobs))
    )
    for job, video, result in zip(jobs, available_videos, results, strict=True):
        lost_frames = video.frames - result.decoded + result.damaged
        if lost_frames > max(10, MAX_LOST_SHARE * video.frames):
            raise InputError(
                job[0], f"{lost_frames} of {video.frames} frames cannot be decoded", REFETCH_REMEDY
            )
    remaining_results = iter(results)
    return [next(remaining_results) if video.path else NO_FRAMES_WRITTEN for video in video_rows]


def cut_video_into_clips(
    chunk: ChunkParams, video: Video, result: DecodingSummary
) -> Iterator[Clip]:
    """Yield the clips of a video by start; `frames` counts the stored frames within each. Raises
    InputError for a video without duration.
    """
    if round(video.duration, 6) <= 0:  # to which spans are rounded
        raise InputError(f"video {video.id}", f"lasts {video.duration:g} s", "rerun download")
    times = np.array(result.times)
    short, step = chunk.rest == "short", 1 / chunk.fps
    for start, end, overlaps in plan_clip_windows(
        video.duration, chunk.seconds, chunk.stride, step, short
    ):
        yield Clip(
            id=f"{video.id}@{_format_seconds(start)}-{_format_seconds(end)}",
            video=video.id,
            source=video.source,
            sport=video.sport,
            match=video.match,
            licence=video.licence,
            terms=video.terms,
            start=start,
            end=end,
            frames=int(((times >= start) & (times < end)).sum()),
            overlaps=overlaps,
        )


def compute_chunk_metrics(
    video_rows: Sequence[Video], results: Sequence[DecodingSummary], rows: Sequence[Clip]
) -> dict[str, float]:
    """Metrics of the stage: seconds, clips and frames."""
    return {
        "seconds": round(sum(video.duration for video in video_rows), 3),
        "clips": len(rows),
        "overlapping": sum(clip.overlaps for clip in rows),
        "clips_without_frames": sum(not clip.frames for clip in rows),
        "frames": sum(len(result.times) for result in results),
        "damaged": sum(result.damaged for result in results),
    }


def _format_seconds(seconds: float) -> str:
    """60.0 as `60`, 7.866667 as `7.867`."""
    return f"{seconds:.3f}".rstrip("0").rstrip(".")


if __name__ == "__main__":
    run_stage(main)
