"""Read what the sources of a run say of their videos, each file probed, each fault kept."""

from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from touchline.config import Params
from touchline.errors import InputError
from touchline.progress import track_progress
from touchline.records.label import Label
from touchline.records.speech import Speech
from touchline.records.video import Video
from touchline.sources import SOURCES
from touchline.sources.source import ReadResult, RowFault, Source, SourceVideo
from touchline.tombstones import Tombstone
from touchline.video.probe import describe_missing_video, probe_video_file
from touchline.video.workers import map_jobs_with_errors


@dataclass(frozen=True)
class SourceRows:
    """Videos, labels and commentary of all sources of a run, with the faults among them."""

    videos: ReadResult[Video] = field(default_factory=lambda: ReadResult[Video]())
    labels: ReadResult[Label] = field(default_factory=lambda: ReadResult[Label]())
    speech: ReadResult[Speech] = field(default_factory=lambda: ReadResult[Speech]())

    def list_faults(self) -> list[RowFault]:
        """Faults of videos, then labels, then commentary."""
        return [*self.videos.faults, *self.labels.faults, *self.speech.faults]

    def list_rows(self) -> list[Video | Label | Speech]:
        """All rows that can be used."""
        return [*self.videos.rows, *self.labels.rows, *self.speech.rows]


def parse_source_settings(sources: dict[str, dict[str, Any]]) -> list[tuple[Source, Params]]:
    """[(source, its validated settings)] for the sources in params.yaml. Raises InputError naming
    an unknown source or key.
    """
    checked_sources = []
    for name, raw_settings in sources.items():
        place = f"download.sources.{name}"
        if name not in SOURCES:
            raise InputError(place, "no such source", f"choose among {', '.join(SOURCES)}")
        try:
            checked_sources.append(
                (SOURCES[name], SOURCES[name].settings.model_validate(raw_settings))
            )
        except ValidationError as error:
            wrong = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
            raise InputError(place, wrong, "correct these keys") from None
    return checked_sources


def read_source_rows(
    source: Source,
    settings: Params,
    folder: Path,
    executor: Executor,
    rows: SourceRows,
    withdrawals: Sequence[Tombstone] = (),
) -> None:
    """Append the videos, labels and commentary of one source to `rows`.

    Withdrawn videos are skipped. An unreadable video, and the labels and lines that belong to it,
    become faults.
    """
    source_folder = folder / source.name
    listed = source.videos(settings, source_folder)
    listed.rows = [v for v in listed.rows if not any(s.covers(v.id, v.match) for s in withdrawals)]
    own_videos = ReadResult[Video](faults=listed.faults)
    id_by_sha256: dict[str, str] = {}
    files = [
        (source_folder / source_video.path,) for source_video in listed.rows if source_video.path
    ]
    probed = map_jobs_with_errors(executor, probe_video_file, files)
    for source_video in track_progress(listed.rows, "probe"):
        probe_result = (
            next(probed) if source_video.path else describe_missing_video(source_video.duration)
        )
        own_videos.take(
            source_video.id,
            build_video_row,
            source,
            source.licence_and_terms(settings),
            source_video,
            probe_result,
            id_by_sha256,
        )
    rows.videos.add(own_videos)
    rows.labels.add(source.labels(settings, source_folder, own_videos.rows))
    rows.speech.add(source.speech(settings, source_folder, own_videos.rows))


def build_video_row(
    source: Source,
    licence_and_terms: tuple[str, str],
    source_video: SourceVideo,
    probe_result: dict[str, Any] | InputError,
    id_by_sha256: dict[str, str],
) -> Video:
    """Combine a source's video with its probe result into a Video row; `path` is '' if the file is
    not available.

    Raises InputError if the file is unreadable or identical to an earlier one (it could end up in
    two splits).
    """
    if isinstance(probe_result, InputError):
        raise probe_result
    path = Path(source.name) / source_video.path if source_video.path else None
    first = (
        id_by_sha256.setdefault(probe_result["sha256"], source_video.id)
        if path
        else source_video.id
    )
    if first != source_video.id:
        raise InputError(path, f"is the same file as {first}", "remove one of the two")
    return Video(
        id=source_video.id,
        source=source.name,
        sport=source_video.sport,
        match=source_video.match,
        part=source_video.part,
        path=path.as_posix() if path else "",
        licence=licence_and_terms[0],
        terms=licence_and_terms[1],
        **probe_result,
    )
