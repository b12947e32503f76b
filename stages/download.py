"""Stage: fetch all sources, probe their videos, read labels and commentary, and run
health checks.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Executor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError

from touchline import licence as touchline_licence
from touchline.atomic import atomic_folder
from touchline.checks.sources import (
    HealthLimits,
    SourceHealth,
    check_source_rows,
    drop_rejected_rows,
)
from touchline.checks.sources.page import write_health_page
from touchline.config import Params, run_stage
from touchline.errors import InputError
from touchline.ledger import RowLedger
from touchline.licence import LicenceParams
from touchline.progress import track_progress
from touchline.records.label import Label
from touchline.records.match_split import StatedSplit
from touchline.records.speech import Speech
from touchline.records.table import write_records
from touchline.records.video import Video
from touchline.sources import SOURCES
from touchline.sources.source import ReadResult, RowFault, Source, SourceVideo
from touchline.tombstones import (
    TOMBSTONES_FILE,
    Tombstone,
    read_tombstones,
    remove_withdrawn_videos,
)
from touchline.video.probe import describe_missing_video, probe_video_file
from touchline.video.workers import map_jobs_with_errors, open_worker_pool


class DownloadParams(Params):
    """Params section `download`."""

    on_fault: Literal["stop", "drop"]
    workers: int = Field(ge=1)
    health: HealthLimits
    sources: dict[str, dict[str, Any]]


def main(
    download: DownloadParams,
    licence: LicenceParams,
    videos: Path,
    manifest: Path,
    health: Path,
    tombstones: Path = Path(TOMBSTONES_FILE),
) -> dict[str, float]:
    sources, withdrawals = parse_source_settings(download.sources), read_tombstones(tombstones)
    withdrawn = 0
    source_terms = {source.name: source.licence_and_terms(settings) for source, settings in sources}
    video_rows, label_rows, speech_rows = (
        ReadResult[Video](),
        ReadResult[Label](),
        ReadResult[Speech](),
    )
    with open_worker_pool(download.workers) as executor:
        with atomic_folder(videos) as draft:
            for source, settings in sources:
                source.download(settings, draft / source.name, executor)
                if withdrawals:
                    source_folder = draft / source.name
                    withdrawn += remove_withdrawn_videos(
                        source_folder, source.videos(settings, source_folder).rows, withdrawals
                    )
            touchline_licence.write_product_terms(draft, source_terms)
        for source, settings in sources:
            with redact_nda_errors(source_terms[source.name], licence):
                read_source_rows(
                    source,
                    settings,
                    videos,
                    executor,
                    video_rows,
                    label_rows,
                    speech_rows,
                    withdrawals,
                )
        readings = video_rows, label_rows, speech_rows
        cases = [
            check_source_rows(s.name, videos, *readings, download.health, executor)
            for s, _ in sources
        ]
    for case in cases:
        drop_rejected_rows(case, label_rows, speech_rows)
    faults = [*video_rows.faults, *label_rows.faults, *speech_rows.faults]
    if download.on_fault == "stop":
        raise_first_fault(faults, source_terms, licence)
    if not video_rows.rows:
        raise InputError("download.sources", "no readable video came of them", "ask for a match")
    with atomic_folder(manifest) as draft:
        write_records(draft / "videos.parquet", Video, video_rows.rows)
        write_records(draft / "labels.parquet", Label, label_rows.rows)
        write_records(draft / "speech.parquet", Speech, speech_rows.rows)
        split_rows = collect_stated_splits(sources, videos, withdrawals)
        if split_rows:
            write_records(draft / "splits.parquet", StatedSplit, split_rows)
        touchline_licence.write_product_terms(draft, source_terms)
        totals = write_download_ledger(
            [*video_rows.rows, *label_rows.rows, *speech_rows.rows], faults, draft
        )
    return (
        totals
        | compute_download_metrics(video_rows.rows, label_rows.rows, speech_rows.rows)
        | write_health_pages(cases, source_terms, licence, health)
        | ({"withdrawn": withdrawn} if withdrawals else {})
    )


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
            raise InputError(place, wrong, "mend these keys") from None
    return checked_sources


def read_source_rows(
    source: Source,
    settings: Params,
    folder: Path,
    executor: Executor,
    video_rows: ReadResult[Video],
    label_rows: ReadResult[Label],
    speech_rows: ReadResult[Speech],
    stones: Sequence[Tombstone] = (),
) -> None:
    """Append the videos, labels and commentary of one source to the three results.

    Withdrawn videos are skipped. An unreadable video, and the labels and lines that belong to it,
    become faults.
    """
    source_folder = folder / source.name
    listed = source.videos(settings, source_folder)
    listed.rows = [v for v in listed.rows if not any(s.covers(v.id, v.match) for s in stones)]
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
    video_rows.add(own_videos)
    label_rows.add(source.labels(settings, source_folder, own_videos.rows))
    speech_rows.add(source.speech(settings, source_folder, own_videos.rows))


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


def collect_stated_splits(
    sources: list[tuple[Source, Params]], folder: Path, stones: Sequence[Tombstone] = ()
) -> list[StatedSplit]:
    """The splits that sources prescribe, one row per match, without withdrawn matches."""
    return [
        StatedSplit(match, split)
        for source, settings in sources
        if source.splits
        for match, split in sorted(source.splits(settings, folder / source.name).items())
        if not any(stone.covers("", match) for stone in stones)
    ]


@contextmanager
def redact_nda_errors(licence_and_terms: tuple[str, str], licence: LicenceParams) -> Iterator[None]:
    """Context manager: re-raise an InputError without file contents if the source's terms must not
    appear in logs.
    """
    try:
        yield
    except InputError as fault:
        raise (
            touchline_licence.redact_input_error(fault)
            if licence_and_terms[1] in licence.withheld_terms("log")
            else fault
        ) from None


def write_health_pages(
    cases: list[SourceHealth],
    source_terms: touchline_licence.SourceTerms,
    licence: LicenceParams,
    folder: Path,
) -> dict[str, float]:
    """Write each source's health page and terms.json; returns {'health.CHECK': number
    of findings}.
    """
    withheld_sources = touchline_licence.select_withheld_sources(
        source_terms, licence.withheld_terms("health")
    )
    with atomic_folder(folder) as draft:
        for source_health in cases:
            name = source_health.case.source
            write_health_page(
                draft / f"{name}.html", source_health, source_terms[name], name in withheld_sources
            )
        touchline_licence.write_product_terms(
            draft,
            {
                name: licence_and_terms
                for name, licence_and_terms in source_terms.items()
                if name not in withheld_sources
            },
        )
    counts = Counter[str]()
    for result in (result for source_health in cases for result in source_health.results):
        counts[f"health.{result.name.replace(' ', '_')}"] += result.read + len(result.findings)
    return dict(counts)


def raise_first_fault(
    faults: list[RowFault], source_terms: touchline_licence.SourceTerms, licence: LicenceParams
) -> None:
    """Raise the first fault as an InputError that says how many more there are; nothing if there is
    none.
    """
    if faults:
        withheld_sources = touchline_licence.select_withheld_sources(
            source_terms, licence.withheld_terms("log")
        )
        is_withheld = faults[0].row.split("/")[0] in withheld_sources
        first = (
            touchline_licence.redact_input_error(faults[0].why) if is_withheld else faults[0].why
        )
        more = len(faults) - 1
        more_note = f" ({more} more faults follow)" if more else ""
        remedy = f"{first.remedy}, or set download.on_fault to drop{more_note}"
        raise InputError(first.place, first.wrong, remedy)


def write_download_ledger(
    rows: Iterable[Video | Label | Speech], faults: list[RowFault], folder: Path
) -> dict[str, float]:
    """Write the ledger of all rows read, kept or dropped with the fault; returns its totals."""
    kept = [row.id for row in rows]
    ledger = RowLedger([*kept, *(fault.row for fault in faults)])
    for row in kept:
        ledger.keep(row)
    for fault in faults:
        ledger.drop(fault.row, str(fault.why))
    return ledger.close(folder / "ledger.parquet")


def compute_download_metrics(
    videos: list[Video], labels: list[Label], speech: list[Speech]
) -> dict[str, float]:
    """Metrics of the stage: numbers of videos, matches, minutes, labels and commentary lines."""
    videos_with_speech = {line.video for line in speech}
    return {
        "videos": len(videos),
        "videos_not_here": sum(not video.path for video in videos),
        "matches": len({video.match for video in videos}),
        "minutes": round(sum(video.duration for video in videos) / 60, 3),
        "labels": len(labels),
        "speech": len(speech),
        "videos_without_speech": sum(video.id not in videos_with_speech for video in videos),
    }


if __name__ == "__main__":
    run_stage(main)
