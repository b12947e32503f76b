"""The source `repcount`: videos of exercises whose repetitions are labelled and counted.

Hu et al., "TransRAC" (CVPR 2022): CSV files with the columns type, name, count, and L1, L2, ... for
the first and last frame of each repetition.
"""

import re
from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import Field

from touchline.errors import InputError
from touchline.prompt_text import fill_prompt_fields
from touchline.records.label import Label
from touchline.records.video import Video
from touchline.sources import folder, readers, ready_questions
from touchline.sources.folder import VIDEO_PATTERNS, FolderSettings, VideoFiles
from touchline.sources.readers import FIX_LINE, CsvLine
from touchline.sources.source import ReadResult, Source, SourcePart, SourceVideo
from touchline.sports.fitness import FITNESS

NAME = "repcount"
HOME = "https://github.com/SvipRepetitionCounting/TransRAC"
TABLES = ("**/*.csv",)
COLUMNS = ("type", "name", "count", "L1", "L2")
PERSON = re.compile(r"(stu\d+)_\d+")  # several videos of one person stay together
PARTS = (
    SourcePart(
        "labels", TABLES, HOME, "Free for all: CSV files, in the data set's annotation folder."
    ),
    SourcePart(
        "videos",
        VIDEO_PATTERNS,
        "https://svip-lab.github.io/dataset/RepCount_dataset.html",
        "Links to the archive stand on that page; unpack it anywhere below the folder.",
    ),
)


class RepCountSettings(FolderSettings):
    """Settings of the source `repcount`."""

    fps: float = Field(ge=1, le=1000)  # of a video that is not here: the files state none


@dataclass(frozen=True)
class RepCountRow:
    """One checked CSV line, which is one video; its repetitions are checked later."""

    id: str
    video: str  # id
    match: str
    stem: str
    kind: str
    count: int
    cells: list[str]  # of the repetitions, from the first to the last that is not empty


FramePair = tuple[int, str, str]  # number of the repetition, its two cells


def download_repcount(settings: RepCountSettings, source_folder: Path, executor: Executor) -> None:
    """Copy the CSV files and videos of RepCount from the configured folder or archive into
    `source_folder`.
    """
    folder.copy_source_files(NAME, settings.folder, PARTS, source_folder)


def list_repcount_videos(
    settings: RepCountSettings, source_folder: Path
) -> ReadResult[SourceVideo]:
    """List every video in the CSV files. One whose file is not present is taken to end with its
    last repetition.
    """
    lines, file_result = _read_lines(source_folder)
    parsed, video_files = _parse_rows(lines), VideoFiles(source_folder)
    reading: ReadResult[SourceVideo] = ReadResult(faults=[*file_result.faults, *parsed.faults])
    for row in parsed.rows:
        reading.take(row.id, _to_source_video, row, video_files, settings.fps)
    return reading


def read_repcount_labels(
    settings: RepCountSettings, source_folder: Path, videos: Sequence[Video]
) -> ReadResult[Label]:
    """Read one action per repetition, and one question per video about their number."""
    lines, _ = _read_lines(source_folder)
    videos_by_id = {video.id: video for video in videos}
    reading: ReadResult[Label] = ReadResult()
    for row in _parse_rows(lines).rows:
        video, count_before = videos_by_id.get(row.video), len(reading.rows)
        for pair in _frame_pairs(row):
            id = f"{row.id}/repetition/{pair[0]}"
            reading.take(id, _repetition_label, row, pair, video, settings.fps)
        done = reading.rows[count_before:]
        reading.take(f"{row.id}/count", _count_question, row, video, done)
    return reading


def _read_lines(source_folder: Path) -> tuple[list[tuple[str, CsvLine]], ReadResult[Any]]:
    """(id, line) of all files; a file that cannot be read is one faulty row."""
    numbered_lines, file_result = [], ReadResult[Any]()
    for file in folder.glob_files(source_folder, TABLES):
        id = f"{NAME}/{file.relative_to(source_folder).as_posix()}"
        file_result.take(id, lambda file=file: [*readers.read_csv_lines(file, COLUMNS)])
        file_lines = file_result.rows.pop() if file_result.rows else []
        numbered_lines += [(f"{id}/{line.number}", line) for line in file_lines]
    return numbered_lines, file_result


def _parse_rows(lines: list[tuple[str, CsvLine]]) -> ReadResult[RepCountRow]:
    reading: ReadResult[RepCountRow] = ReadResult()
    place_by_name: dict[str, str] = {}
    for id, line in lines:
        reading.take(id, _parse_row, id, line, place_by_name)
    return reading


def _parse_row(id: str, line: CsvLine, place_by_name: dict[str, str]) -> RepCountRow:
    cells = line.cells()
    kind, count = cells["type"], cells["count"]
    if kind not in FITNESS.words:
        choices = ", ".join(FITNESS.words)
        raise InputError(
            line.place, f"{kind!r} is not a type of exercise", f"choose among {choices}"
        )
    if not re.fullmatch(r"\d{1,6}", count, re.ASCII):
        raise InputError(line.place, f"the count {count!r} is not a whole number", FIX_LINE)
    name = folder.check_file_name(line.place, cells["name"])
    first = place_by_name.setdefault(name, line.place)
    if first != line.place:
        raise InputError(line.place, f"is about the same video as {first}", "remove one of the two")
    stem = name.rpartition(".")[0] or name
    person = PERSON.fullmatch(stem)
    match = f"{NAME}/{person[1] if person else stem}"
    marks = [cells[column] for column in line.head if re.fullmatch(r"L\d+", column)]
    while marks and not marks[-1]:
        marks.pop()
    return RepCountRow(
        id=id,
        video=f"{match}/{stem}",
        match=match,
        stem=stem,
        kind=kind,
        count=int(count),
        cells=marks,
    )


def _frame_pairs(row: RepCountRow) -> list[FramePair]:
    cells = [*row.cells, ""] if len(row.cells) % 2 else row.cells
    return [(i // 2, cells[i], cells[i + 1]) for i in range(0, len(cells), 2)]


def _to_source_video(row: RepCountRow, video_files: VideoFiles, fps: float) -> SourceVideo:
    path = video_files.find(row.id, row.stem)
    frames = [float(cell) for cell in row.cells if _is_frame(cell)]
    if path is None and not frames:
        wrong = "has no repetition, and its video is not here: its length is unknown"
        raise InputError(row.id, wrong, "fetch the video")
    length = round((max(frames, default=0.0) + 1) / fps, 6)
    return SourceVideo(
        id=row.video, path=path, sport=FITNESS.name, match=row.match, part=row.stem, duration=length
    )


def _is_frame(cell: str) -> bool:
    """Files write 433 and 1020.0 alike."""
    return bool(re.fullmatch(r"\d{1,7}(\.0+)?", cell, re.ASCII))


def _repetition_label(row: RepCountRow, pair: FramePair, video: Video | None, fps: float) -> Label:
    number, *cells = pair
    place = f"{row.id}: L{2 * number + 1}, L{2 * number + 2}"
    video = ready_questions.require_video(place, video)
    if not all(map(_is_frame, cells)):
        raise InputError(place, f"{cells} are not two frame numbers", FIX_LINE)
    first, last = map(float, cells)
    if last <= first:
        raise InputError(
            place, f"ends at frame {last:g}, not after its start at {first:g}", FIX_LINE
        )
    rate = video.fps if video.frames else fps
    start, end = round(first / rate, 6), round(last / rate, 6)
    if end > video.duration:
        raise InputError(
            place, f"ends at {end:g} s, after the video's {video.duration:g} s", FIX_LINE
        )
    id = f"{video.id}/repetition/{number}"
    return Label(
        id=id,
        video=video.id,
        name=row.kind,
        start=start,
        end=end,
        team="",
        task="",
        asked="",
        options=[],
        answer="",
    )


def _count_question(row: RepCountRow, video: Video | None, done: Sequence[Label]) -> Label:
    """Build the question about the number of repetitions. Raises InputError if the stated count
    differs from the number of valid repetitions.
    """
    video = ready_questions.require_video(row.id, video)
    if row.count != len(done):
        wrong = f"its count is {row.count}, its good repetitions are {len(done)}"
        raise InputError(row.id, wrong, FIX_LINE)
    word = FITNESS.words[row.kind]
    return Label(
        id=f"{video.id}/count",
        video=video.id,
        name="",
        start=0.0,
        end=max((label.end for label in done), default=video.duration),
        team="",
        task="counting",
        asked=fill_prompt_fields(
            ready_questions.read_source_prompt("repetitions"),
            {"exercise": word, "start": "{start}", "end": "{end}"},
        ),
        options=[],
        answer=str(row.count),
    )


REPCOUNT = Source(
    name=NAME,
    licence="Apache-2.0 (labels); uploaders' own (videos)",
    terms="open",
    homepage=HOME,
    sports=("fitness",),
    tasks=("counting",),
    parts=PARTS,
    settings=RepCountSettings,
    download=download_repcount,
    videos=list_repcount_videos,
    labels=read_repcount_labels,
    speech=ready_questions.read_no_speech,
)
