"""The source `soccernet-captions`: written captions of moments in SoccerNet's games."""

from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from pathlib import Path
from typing import Any

from touchline.errors import InputError
from touchline.records.label import Label
from touchline.records.video import Video
from touchline.sources import ready_questions
from touchline.sources.readers import load_json_file
from touchline.sources.soccernet import (
    HALF_FILES,
    HALF_NUMBERS,
    build_half_video,
    build_provisional_halves,
    estimate_half_seconds,
)
from touchline.sources.soccernet.folder import (
    ACCESS,
    HOME,
    HUB,
    SoccerNetGamesSettings,
    copy_games,
    copy_splits_file,
    list_copied_files,
    list_game_folders,
    prepare_games,
    read_match_splits,
)
from touchline.sources.soccernet.labels_v2 import (
    FIX_ANNOTATION,
    find_half_video,
    parse_annotation_time,
)
from touchline.sources.source import ReadResult, Source, SourcePart, SourceVideo

NAME, CAPTIONS = "soccernet-captions", "Labels-caption.json"


def download_soccernet_captions(
    settings: SoccerNetGamesSettings, folder: Path, executor: Executor
) -> None:
    """Fetch or copy captions and videos."""
    root, games = prepare_games(NAME, settings, CAPTIONS, folder)
    names = list_copied_files(settings, {"captions": (CAPTIONS,), "videos": HALF_FILES})
    copy_games(executor, [(root / game, folder / game, names) for game in games])
    copy_splits_file(root, settings.splits, folder)


def list_captioned_videos(
    settings: SoccerNetGamesSettings, folder: Path
) -> ReadResult[SourceVideo]:
    """List both halves of every game. A half without a video file is as long as its captions
    require.
    """
    reading: ReadResult[SourceVideo] = ReadResult()
    for game in list_game_folders(folder):
        longest = build_provisional_halves(f"{NAME}/{game}", settings.half_minutes)
        captions = read_caption_file(folder / game / CAPTIONS, f"{NAME}/{game}", longest).rows
        for part in HALF_NUMBERS:
            ends = [row.end for row in captions if row.video.endswith(f"/{part}")]
            seconds = estimate_half_seconds(settings.half_minutes, ends)
            reading.rows.append(build_half_video(NAME, folder, game, part, seconds))
    return reading


def read_soccernet_captions(
    settings: SoccerNetGamesSettings, folder: Path, videos: Sequence[Video]
) -> ReadResult[Label]:
    """Read every caption as an `open` question: what happens around this moment?"""
    matches = ready_questions.group_videos_by_match(videos)
    reading: ReadResult[Label] = ReadResult()
    for game in list_game_folders(folder):
        match = f"{NAME}/{game}"
        reading.add(read_caption_file(folder / game / CAPTIONS, match, matches.get(match, {})))
    return reading


def read_caption_splits(settings: SoccerNetGamesSettings, folder: Path) -> dict[str, str]:
    """Return {match: split} as the split file states it."""
    return read_match_splits(NAME, folder, dict(settings.names))


def read_caption_file(file: Path, match: str, videos: Mapping[str, Video]) -> ReadResult[Label]:
    """Read the captions of a match; `videos` maps the half to its video. A file that cannot be read
    becomes one fault.
    """
    reading: ReadResult[Label] = ReadResult()
    file_result = ReadResult[Any]()
    file_result.take(f"{match}/{file.name}", load_json_file, file, "annotations", list)
    reading.faults += file_result.faults
    index_by_caption: dict[tuple[str, int, str], int] = {}
    for annotations in file_result.rows:
        for index, row in enumerate(annotations):
            id, place = f"{match}/captions/{index}", f"{file}: annotations[{index}]"
            reading.take(id, _to_label, id, place, row, index, videos, index_by_caption)
    return reading


def _to_label(
    id: str,
    place: str,
    row: Any,
    index: int,
    videos: Mapping[str, Video],
    index_by_caption: dict[tuple[str, int, str], int],
) -> Label:
    half, milliseconds = parse_annotation_time(place, row)
    description = row.get("description")
    if not isinstance(description, str) or not description.strip():
        raise InputError(f"{place}.description", "says nothing", FIX_ANNOTATION)
    video, text = find_half_video(place, half, milliseconds, videos), " ".join(description.split())
    first = index_by_caption.setdefault((half, milliseconds, text), index)
    if first != index:
        raise InputError(place, f"repeats annotations[{first}]", "remove one of the two")
    time = milliseconds / 1000
    return Label(
        id=id,
        video=video.id,
        name="",
        start=time,
        end=time,
        team="",
        task="open",
        asked="",
        options=[],
        answer=text,
    )


SOCCERNET_CAPTIONS = Source(
    name=NAME,
    licence="SoccerNet NDA (video); none stated (captions)",
    terms="nda",
    homepage=HOME,
    sports=("soccer",),
    tasks=("open",),
    parts=(
        SourcePart("labels", (f"*/*/*/{CAPTIONS}",), HUB, "Open on Hugging Face."),
        SourcePart("videos", tuple(f"*/*/*/{video}" for video in HALF_FILES), HUB, ACCESS),
    ),
    settings=SoccerNetGamesSettings,
    download=download_soccernet_captions,
    videos=list_captioned_videos,
    labels=read_soccernet_captions,
    speech=ready_questions.read_no_speech,
    splits=read_caption_splits,
)
