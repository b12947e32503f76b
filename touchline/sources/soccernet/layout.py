"""Read folders in SoccerNet's layout: league/season/game with `1_224p.mkv`, Labels-v2.json and
`1_asr.json`.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

from touchline.errors import InputError
from touchline.records.label import Label
from touchline.records.speech import Speech
from touchline.records.video import Video
from touchline.sources import ready_questions
from touchline.sources.soccernet import echoes, labels_v2
from touchline.sources.source import ReadResult, RowFault, SourceVideo
from touchline.sports import SPORTS

SportOfLeague = Callable[[str], str]  # the sport of a league


def list_game_videos(source: str, folder: Path, sport: SportOfLeague) -> ReadResult[SourceVideo]:
    """List the video of every half below the source's folder."""
    reading: ReadResult[SourceVideo] = ReadResult()
    for path in sorted(folder.glob("*/*/*/*.mkv")):
        game = path.relative_to(folder).parent
        part, match = path.name.split("_")[0], f"{source}/{game.as_posix()}"
        id = f"{match}/{part}"
        reading.take(id, _to_source_video, id, path, folder, sport(game.parts[0]), match, part)
    return reading


def read_game_labels(
    source: str, folder: Path, videos: Sequence[Video], sport: SportOfLeague
) -> ReadResult[Label]:
    """Read the labels of every match that has a video or a label file. `sport` maps a league's name
    to its sport.
    """
    reading: ReadResult[Label] = ReadResult()
    files = {path.parent.relative_to(folder) for path in folder.glob("*/*/*/Labels-v2.json")}
    matches = ready_questions.group_videos_by_match(videos)
    games = files | {Path(match).relative_to(source) for match in matches}
    for game in sorted(games):
        match = f"{source}/{game.as_posix()}"
        halves = matches.get(match, {})
        file, kind = folder / game / "Labels-v2.json", SPORTS[sport(game.parts[0])]
        reading.add(labels_v2.read_labels_v2(file, match, kind, halves))
    return reading


def read_game_speech(source: str, folder: Path, videos: Sequence[Video]) -> ReadResult[Speech]:
    """Read the commentary of every half that has a transcript file. A transcript without a readable
    video becomes a fault.
    """
    reading: ReadResult[Speech] = ReadResult()
    halves = {video.id: video for video in videos}
    for file in sorted(folder.glob("*/*/*/[12]_asr.json")):
        game = file.parent.relative_to(folder).as_posix()
        id = f"{source}/{game}/{file.name[0]}"
        if id in halves:
            reading.add(echoes.read_echoes_transcript(file, halves[id], file.name))
        else:
            why = InputError(file, "its half has no readable video", "fetch the video again")
            reading.faults.append(RowFault(f"{id}/{file.name}", why))
    return reading


def _to_source_video(
    id: str, path: Path, folder: Path, sport: str, match: str, part: str
) -> SourceVideo:
    if part not in ("1", "2"):
        raise InputError(path, f"{part!r} is not a half", "name it 1_224p.mkv or 2_224p.mkv")
    if sport not in SPORTS:
        raise InputError(path, f"no sport is called {sport!r}", f"choose among {', '.join(SPORTS)}")
    return SourceVideo(id, path.relative_to(folder), sport, match, part)
