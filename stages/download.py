"""Fetch every source, look into its videos and read its labels and commentary."""

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
from touchline.video.probe import facts, unseen
from touchline.video.workers import pool, tried


class DownloadParams(Params):
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
    sources, stones = parse_source_settings(download.sources), read_tombstones(tombstones)
    withdrawn = 0
    held = {source.name: source.licence_and_terms(settings) for source, settings in sources}
    found, labels, speech = ReadResult[Video](), ReadResult[Label](), ReadResult[Speech]()
    with pool(download.workers) as executor:
        with atomic_folder(videos) as draft:
            for source, settings in sources:
                source.download(settings, draft / source.name, executor)
                if stones:
                    own = draft / source.name
                    withdrawn += remove_withdrawn_videos(
                        own, source.videos(settings, own).rows, stones
                    )
            touchline_licence.write_product_terms(draft, held)
        for source, settings in sources:
            with redact_nda_errors(held[source.name], licence):
                read_source_rows(source, settings, videos, executor, found, labels, speech, stones)
        readings = found, labels, speech
        cases = [
            check_source_rows(s.name, videos, *readings, download.health, executor)
            for s, _ in sources
        ]
    for case in cases:
        drop_rejected_rows(case, labels, speech)
    faults = [*found.faults, *labels.faults, *speech.faults]
    if download.on_fault == "stop":
        raise_first_fault(faults, held, licence)
    if not found.rows:
        raise InputError("download.sources", "no readable video came of them", "ask for a match")
    with atomic_folder(manifest) as draft:
        write_records(draft / "videos.parquet", Video, found.rows)
        write_records(draft / "labels.parquet", Label, labels.rows)
        write_records(draft / "speech.parquet", Speech, speech.rows)
        given = collect_stated_splits(sources, videos, stones)
        if given:
            write_records(draft / "splits.parquet", StatedSplit, given)
        touchline_licence.write_product_terms(draft, held)
        totals = write_download_ledger([*found.rows, *labels.rows, *speech.rows], faults, draft)
    return (
        totals
        | compute_download_metrics(found.rows, labels.rows, speech.rows)
        | write_health_pages(cases, held, licence, health)
        | ({"withdrawn": withdrawn} if stones else {})
    )


def parse_source_settings(sources: dict[str, dict[str, Any]]) -> list[tuple[Source, Params]]:
    """The sources asked for with their checked settings; a `InputError` names the wrong key."""
    chosen = []
    for name, given in sources.items():
        place = f"download.sources.{name}"
        if name not in SOURCES:
            raise InputError(place, "no such source", f"choose among {', '.join(SOURCES)}")
        try:
            chosen.append((SOURCES[name], SOURCES[name].settings.model_validate(given)))
        except ValidationError as error:
            wrong = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
            raise InputError(place, wrong, "mend these keys") from None
    return chosen


def read_source_rows(
    source: Source,
    settings: Params,
    folder: Path,
    executor: Executor,
    found: ReadResult[Video],
    labels: ReadResult[Label],
    speech: ReadResult[Speech],
    stones: Sequence[Tombstone] = (),
) -> None:
    """Add what one source holds; labels and lines of an unreadable video are faults, too.

    A withdrawn video that the source's files name still is passed over, with all that is of it.
    """
    own = folder / source.name
    listed = source.videos(settings, own)
    listed.rows = [v for v in listed.rows if not any(s.covers(v.id, v.match) for s in stones)]
    looked = ReadResult[Video](faults=listed.faults)
    same: dict[str, str] = {}
    files = [(own / one.path,) for one in listed.rows if one.path]
    probed = tried(executor, facts, files)
    for one in track_progress(listed.rows, "probe"):
        seen = next(probed) if one.path else unseen(one.duration)
        looked.take(
            one.id, build_video_row, source, source.licence_and_terms(settings), one, seen, same
        )
    found.add(looked)
    labels.add(source.labels(settings, own, looked.rows))
    speech.add(source.speech(settings, own, looked.rows))


def build_video_row(
    source: Source,
    held: tuple[str, str],
    found: SourceVideo,
    seen: dict[str, Any] | InputError,
    same: dict[str, str],
) -> Video:
    """A video with what its file is; `path` is "" when it is not here.

    A file that cannot be read is a `InputError`, and so is one that is there twice: it could end in
    two splits.
    """
    if isinstance(seen, InputError):
        raise seen
    path = Path(source.name) / found.path if found.path else None
    first = same.setdefault(seen["sha256"], found.id) if path else found.id
    if first != found.id:
        raise InputError(path, f"is the same file as {first}", "remove one of the two")
    return Video(
        id=found.id,
        source=source.name,
        sport=found.sport,
        match=found.match,
        part=found.part,
        path=path.as_posix() if path else "",
        licence=held[0],
        terms=held[1],
        **seen,
    )


def collect_stated_splits(
    sources: list[tuple[Source, Params]], folder: Path, stones: Sequence[Tombstone] = ()
) -> list[StatedSplit]:
    """The splits that sources state, by match."""
    return [
        StatedSplit(match, split)
        for source, settings in sources
        if source.splits
        for match, split in sorted(source.splits(settings, folder / source.name).items())
        if not any(stone.covers("", match) for stone in stones)
    ]


@contextmanager
def redact_nda_errors(held: tuple[str, str], licence: LicenceParams) -> Iterator[None]:
    """What a source says of its files while the block runs does not quote what may not leave."""
    try:
        yield
    except InputError as fault:
        raise (
            touchline_licence.redact_input_error(fault)
            if held[1] in licence.withheld_terms("log")
            else fault
        ) from None


def write_health_pages(
    cases: list[SourceHealth],
    held: touchline_licence.SourceTerms,
    licence: LicenceParams,
    folder: Path,
) -> dict[str, float]:
    """Write the health page of every source; how often each check found something."""
    secret = touchline_licence.select_withheld_sources(held, licence.withheld_terms("health"))
    with atomic_folder(folder) as draft:
        for found in cases:
            name = found.case.source
            write_health_page(draft / f"{name}.html", found, held[name], name in secret)
        touchline_licence.write_product_terms(
            draft, {name: how for name, how in held.items() if name not in secret}
        )
    counts = Counter[str]()
    for result in (result for found in cases for result in found.results):
        counts[f"health.{result.name.replace(' ', '_')}"] += result.read + len(result.findings)
    return dict(counts)


def raise_first_fault(
    faults: list[RowFault], held: touchline_licence.SourceTerms, licence: LicenceParams
) -> None:
    """Raise the first fault, if there is one, and say how many more there are."""
    if faults:
        secret = touchline_licence.select_withheld_sources(held, licence.withheld_terms("log"))
        hidden = faults[0].row.split("/")[0] in secret
        first = touchline_licence.redact_input_error(faults[0].why) if hidden else faults[0].why
        more = len(faults) - 1
        rest = f" ({more} more faults follow)" if more else ""
        remedy = f"{first.remedy}, or set download.on_fault to drop{rest}"
        raise InputError(first.place, first.wrong, remedy)


def write_download_ledger(
    rows: Iterable[Video | Label | Speech], faults: list[RowFault], folder: Path
) -> dict[str, float]:
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
    spoken = {line.video for line in speech}
    return {
        "videos": len(videos),
        "videos_not_here": sum(not video.path for video in videos),
        "matches": len({video.match for video in videos}),
        "minutes": round(sum(video.duration for video in videos) / 60, 3),
        "labels": len(labels),
        "speech": len(speech),
        "videos_without_speech": sum(video.id not in spoken for video in videos),
    }


if __name__ == "__main__":
    run_stage(main)
