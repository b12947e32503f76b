"""SoccerNet's folders: league/season/game, in it `1_224p.mkv`, Labels-v2.json and `1_asr.json`."""

from collections.abc import Callable, Sequence
from pathlib import Path

from touchline.faults import BadInput
from touchline.records import Label, Speech, Video
from touchline.sources import echoes, labels_v2
from touchline.sources.source import Found, Reading
from touchline.sports import SPORTS


def videos(source: str, folder: Path, sport: Callable[[str], str]) -> Reading[Found]:
    """All halves below the source's folder; `sport` names the sport of a league."""
    reading: Reading[Found] = Reading()
    for path in sorted(folder.glob("*/*/*/*.mkv")):
        game = path.relative_to(folder).parent
        part, match = path.name.split("_")[0], f"{source}/{game.as_posix()}"
        id = f"{match}/{part}"
        reading.take(id, _found, id, path, folder, sport(game.parts[0]), match, part)
    return reading


def labels(folder: Path, found: Sequence[Video]) -> Reading[Label]:
    """Labels of every match that has a readable video."""
    reading: Reading[Label] = Reading()
    for match in sorted({video.match for video in found}):
        halves = {video.part: video for video in found if video.match == match}
        first = next(iter(halves.values()))
        file = _game(folder, first) / "Labels-v2.json"
        reading.add(labels_v2.read(file, match, SPORTS[first.sport], halves))
    return reading


def speech(folder: Path, found: Sequence[Video]) -> Reading[Speech]:
    """Commentary of every half that has any: many real halves have none."""
    reading: Reading[Speech] = Reading()
    for video in found:
        file = _game(folder, video) / f"{video.part}_asr.json"
        if file.is_file():
            reading.add(echoes.read(file, video, file.name))
    return reading


def _found(id: str, path: Path, folder: Path, sport: str, match: str, part: str) -> Found:
    if part not in ("1", "2"):
        raise BadInput(path, f"{part!r} is no half", "name it 1_224p.mkv or 2_224p.mkv")
    if sport not in SPORTS:
        raise BadInput(path, f"no sport is called {sport!r}", f"choose among {', '.join(SPORTS)}")
    return Found(id, path.relative_to(folder), sport, match, part)


def _game(folder: Path, video: Video) -> Path:
    """`match` is source/league/season/game, and `folder` the source's."""
    return folder / Path(*Path(video.match).parts[1:])
