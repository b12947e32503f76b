"""Stage: fetch all sources, probe their videos, read labels and commentary, and run
health checks.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Executor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

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
from touchline.records.label import Label
from touchline.records.match_split import StatedSplit
from touchline.records.speech import Speech
from touchline.records.table import write_records
from touchline.records.video import Video
from touchline.sources.source import RowFault, Source
from touchline.sources.source_rows import SourceRows, parse_source_settings, read_source_rows
from touchline.tombstones import (
    TOMBSTONES_FILE,
    Tombstone,
    read_tombstones,
    remove_withdrawn_videos,
)
from touchline.video.workers import open_worker_pool


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
    """Write the videos of all sources to `videos`, and their tables (videos, labels, speech) to
    `manifest`. Returns the stage's metrics. Raises `InputError` for a faulty source.
    """
    sources, withdrawals = parse_source_settings(download.sources), read_tombstones(tombstones)
    source_terms = {source.name: source.licence_and_terms(settings) for source, settings in sources}
    rows = SourceRows()
    with open_worker_pool(download.workers) as executor:
        withdrawn = download_sources(sources, videos, executor, withdrawals, source_terms)
        for source, settings in sources:
            with redact_nda_errors(source_terms[source.name], licence):
                read_source_rows(source, settings, videos, executor, rows, withdrawals)
        cases = check_sources(sources, videos, rows, download.health, executor)
    faults = rows.list_faults()
    if download.on_fault == "stop":
        raise_first_fault(faults, source_terms, licence)
    if not rows.videos.rows:
        raise InputError("download.sources", "no readable video came of them", "ask for a match")
    splits = collect_stated_splits(sources, videos, withdrawals)
    return (
        write_manifest(manifest, rows, splits, source_terms)
        | compute_download_metrics(rows.videos.rows, rows.labels.rows, rows.speech.rows)
        | write_health_pages(cases, source_terms, licence, health)
        | ({"withdrawn": withdrawn} if withdrawals else {})
    )


def download_sources(
    sources: Sequence[tuple[Source, Params]],
    videos: Path,
    executor: Executor,
    withdrawals: Sequence[Tombstone],
    source_terms: touchline_licence.SourceTerms,
) -> int:
    """Fill the videos folder, a folder per source; returns how many withdrawn videos it removed."""
    withdrawn = 0
    with atomic_folder(videos) as draft:
        for source, settings in sources:
            folder = draft / source.name
            source.download(settings, folder, executor)
            if withdrawals:
                listed = source.videos(settings, folder).rows
                withdrawn += remove_withdrawn_videos(folder, listed, withdrawals)
        touchline_licence.write_product_terms(draft, source_terms)
    return withdrawn


def check_sources(
    sources: Sequence[tuple[Source, Params]],
    videos: Path,
    rows: SourceRows,
    limits: HealthLimits,
    executor: Executor,
) -> list[SourceHealth]:
    """Run the health checks of every source; rows that they reject become faults of `rows`."""
    readings = rows.videos, rows.labels, rows.speech
    cases = [
        check_source_rows(source.name, videos, *readings, limits, executor) for source, _ in sources
    ]
    for case in cases:
        drop_rejected_rows(case, rows.labels, rows.speech)
    return cases


def write_manifest(
    manifest: Path,
    rows: SourceRows,
    splits: Sequence[StatedSplit],
    source_terms: touchline_licence.SourceTerms,
) -> dict[str, float]:
    """Write the tables of videos, labels, commentary and splits; returns the ledger's totals."""
    with atomic_folder(manifest) as draft:
        write_records(draft / "videos.parquet", Video, rows.videos.rows)
        write_records(draft / "labels.parquet", Label, rows.labels.rows)
        write_records(draft / "speech.parquet", Speech, rows.speech.rows)
        if splits:
            write_records(draft / "splits.parquet", StatedSplit, splits)
        touchline_licence.write_product_terms(draft, source_terms)
        return write_download_ledger(rows.list_rows(), rows.list_faults(), draft)


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
