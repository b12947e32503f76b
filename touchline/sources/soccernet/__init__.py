"""The source `soccernet`: SoccerNet's action labels, Echoes' transcripts, and the videos if
present.
"""

import math
from collections.abc import Iterable, Sequence
from concurrent.futures import Executor
from pathlib import Path
from typing import Literal

from pydantic import Field

from touchline.errors import InputError
from touchline.records.label import Label
from touchline.records.speech import Speech
from touchline.records.video import Video
from touchline.sources import ready_questions
from touchline.sources.soccernet import echoes, labels_v2
from touchline.sources.soccernet.folder import (
    ACCESS,
    HOME,
    HUB,
    SoccerNetGamesSettings,
    copy_games,
    copy_splits_file,
    list_copied_files,
    list_game_folders,
    locate_data_folder,
    prepare_games,
    read_match_splits,
)
from touchline.sources.soccernet.transcripts import (
    TRANSCRIPT_FILES,
    GameTranscripts,
    choose_transcripts,
)
from touchline.sources.source import ReadResult, RowFault, Source, SourcePart, SourceVideo
from touchline.sports import SPORTS
from touchline.video.probe import describe_missing_video

HALF_NUMBERS = ("1", "2")
HALF_FILES = (
    "1_224p.mkv",
    "2_224p.mkv",
    "1_720p.mkv",
    "2_720p.mkv",
)  # the first of a half is taken
MinuteRange = tuple[int, int]  # a half whose video is not here lasts at least, at most


def build_half_video(
    source: str, folder: Path, game: str, part: str, seconds: float
) -> SourceVideo:
    """Return the video of a half; without a file it has no path and lasts `seconds`."""
    match = f"{source}/{game}"
    files = [name for name in HALF_FILES if name[0] == part and (folder / game / name).is_file()]
    path = Path(game, files[0]) if files else None
    return SourceVideo(
        id=f"{match}/{part}", path=path, sport="soccer", match=match, part=part, duration=seconds
    )


def estimate_half_seconds(minutes: MinuteRange, ends: Iterable[float]) -> float:
    """Estimate a half's length in seconds: the latest end of a label or line, rounded up to the
    next full minute and clamped to `minutes`.

    A label at 45:00.0 lies in minute 46.
    """
    last = math.floor(max(ends, default=0.0) / 60) + 1
    return 60.0 * min(max(last, minutes[0]), minutes[1])


def build_provisional_halves(match: str, minutes: MinuteRange) -> dict[str, Video]:
    """Build both halves at their maximum length, so that the times of rows can be read before the
    real length is known.
    """
    seconds = 60.0 * minutes[1]
    return {
        part: _placeholder_video(f"{match}/{part}", match, part, seconds) for part in HALF_NUMBERS
    }


def _placeholder_video(id: str, match: str, part: str, seconds: float) -> Video:
    place = {"source": match.split("/")[0], "sport": "soccer", "match": match, "part": part}
    return Video(id=id, **place, path="", licence="", terms="", **describe_missing_video(seconds))


ECHOES = "https://github.com/SoccerNet/sn-echoes"
NAME, LABELS, SOCCER = "soccernet", "Labels-v2.json", SPORTS["soccer"]
Variant = Literal["whisper_v1", "whisper_v1_en", "whisper_v2", "whisper_v2_en", "whisper_v3"]


class SoccerNetSettings(SoccerNetGamesSettings):
    """Settings of the source `soccernet`."""

    echoes: str  # folder of transcripts by variant; "" for none
    transcripts: list[Variant]  # of each half, the first that says anything is taken
    spoken_halves: int = Field(ge=0, le=2)  # a match with fewer transcribed halves is left out


def download_soccernet(settings: SoccerNetSettings, folder: Path, executor: Executor) -> None:
    """Fetch or copy labels and videos, and copy the configured transcripts."""
    root, games = prepare_games(NAME, settings, LABELS, folder)
    names = list_copied_files(settings, {"labels": (LABELS,), "videos": HALF_FILES})
    jobs = [(root / game, folder / game, names) for game in games]
    if settings.echoes and settings.transcripts:
        transcripts_root = locate_data_folder(
            settings.echoes, f"download.sources.{NAME}.echoes", "whisper_v*"
        )
        jobs += [
            (transcripts_root / variant / game, folder / game / variant, TRANSCRIPT_FILES)
            for variant in settings.transcripts
            for game in games
        ]
    copy_games(executor, jobs)
    copy_splits_file(root, settings.splits, folder)


def list_soccernet_videos(settings: SoccerNetSettings, folder: Path) -> ReadResult[SourceVideo]:
    """List both halves of every game. A half without a video file is as long as its labels and
    transcript require.
    """
    reading: ReadResult[SourceVideo] = ReadResult()
    for game in list_game_folders(folder):
        transcripts, provisional_labels = (
            _game_transcripts(settings, folder, game),
            _provisional_labels(settings, folder, game).rows,
        )
        for part in HALF_NUMBERS:
            ends = [row.end for row in provisional_labels if row.video.endswith(f"/{part}")]
            ends += [transcripts.by_part[part].end] if part in transcripts.by_part else []
            seconds = estimate_half_seconds(settings.half_minutes, ends)
            id = f"{NAME}/{game}/{part}"
            reading.take(id, _to_source_video, settings, folder, game, part, seconds, transcripts)
    return reading


def read_soccernet_labels(
    settings: SoccerNetSettings, folder: Path, videos: Sequence[Video]
) -> ReadResult[Label]:
    """Read the labels of every match. If a match is left out for lack of transcripts, its labels
    become faults with that reason.
    """
    matches = ready_questions.group_videos_by_match(videos)
    reading: ReadResult[Label] = ReadResult()
    for game in list_game_folders(folder):
        match = f"{NAME}/{game}"
        transcripts = (
            GameTranscripts() if match in matches else _game_transcripts(settings, folder, game)
        )
        why = None if match in matches else _speech_fault(settings, folder / game, transcripts)
        if why:
            provisional_labels = _provisional_labels(settings, folder, game)
            reading.faults += provisional_labels.faults + [
                RowFault(row.id, why) for row in provisional_labels.rows
            ]
        else:
            file = folder / game / LABELS
            reading.add(labels_v2.read_labels_v2(file, match, SOCCER, matches.get(match, {})))
    return reading


def read_soccernet_speech(
    settings: SoccerNetSettings, folder: Path, videos: Sequence[Video]
) -> ReadResult[Speech]:
    """Read one transcript per half; the other variants are ignored."""
    halves = {video.id: video for video in videos}
    reading: ReadResult[Speech] = ReadResult()
    for game in list_game_folders(folder):
        transcripts = _game_transcripts(settings, folder, game)
        why = _speech_fault(settings, folder / game, transcripts)
        reading.faults += transcripts.faults
        for part, transcript in transcripts.by_part.items():
            id = f"{NAME}/{game}/{part}"
            if id in halves:
                reading.add(
                    echoes.read_echoes_transcript(transcript.file, halves[id], transcript.origin)
                )
            else:
                video_fault = InputError(
                    transcript.file, "its half has no readable video", "correct that"
                )
                reading.faults.append(RowFault(f"{id}/{transcript.origin}", why or video_fault))
    return reading


def read_soccernet_splits(settings: SoccerNetSettings, folder: Path) -> dict[str, str]:
    """Return {match: split} as SoccerNet's split file states it."""
    return read_match_splits(NAME, folder, dict(settings.names))


def _game_transcripts(settings: SoccerNetSettings, folder: Path, game: str) -> GameTranscripts:
    return choose_transcripts(folder / game, f"{NAME}/{game}", settings.transcripts)


def _provisional_labels(settings: SoccerNetSettings, folder: Path, game: str) -> ReadResult[Label]:
    """The labels as far as they can be read before the halves are known."""
    match = f"{NAME}/{game}"
    halves = build_provisional_halves(match, settings.half_minutes)
    return labels_v2.read_labels_v2(folder / game / LABELS, match, SOCCER, halves)


def _speech_fault(
    settings: SoccerNetSettings, place: Path, transcripts: GameTranscripts
) -> InputError | None:
    if len(transcripts.by_part) >= settings.spoken_halves:
        return None
    wrong = f"{len(transcripts.by_part)} of its halves have commentary in {settings.transcripts}"
    return InputError(place, wrong, f"lower download.sources.{NAME}.spoken_halves")


def _to_source_video(
    settings: SoccerNetSettings,
    folder: Path,
    game: str,
    part: str,
    seconds: float,
    transcripts: GameTranscripts,
) -> SourceVideo:
    why = _speech_fault(settings, folder / game, transcripts)
    if why:
        raise why
    return build_half_video(NAME, folder, game, part, seconds)


SOCCERNET = Source(
    name=NAME,
    licence="SoccerNet NDA (video); none stated (labels, commentary)",
    terms="nda",
    homepage=HOME,
    sports=("soccer",),
    tasks=("spotting", "open"),
    parts=(
        SourcePart("labels", (f"*/*/*/{LABELS}",), HUB, "Open on Hugging Face."),
        SourcePart("videos", tuple(f"*/*/*/{video}" for video in HALF_FILES), HUB, ACCESS),
        SourcePart(
            "commentary",
            tuple(f"*/*/*/*/{file}" for file in TRANSCRIPT_FILES),
            ECHOES,
            "Open; see there.",
        ),
    ),
    settings=SoccerNetSettings,
    download=download_soccernet,
    videos=list_soccernet_videos,
    labels=read_soccernet_labels,
    speech=read_soccernet_speech,
    splits=read_soccernet_splits,
)
