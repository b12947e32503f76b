"""SoccerNet's folders: league/season/game, in it `1_224p.mkv`, Labels-v2.json and `1_asr.json`."""

from collections.abc import Callable, Sequence
from pathlib import Path

from touchline.errors import BadInput
from touchline.records import Label, Speech, Video
from touchline.sources import ready_questions
from touchline.sources.soccernet import echoes, labels_v2
from touchline.sources.source import Fault, Found, Reading
from touchline.sports import SPORTS

SportOf = Callable[[str], str]  # the sport of a league


def videos(source: str, folder: Path, sport: SportOf) -> Reading[Found]:
    """All halves below the source's folder."""
    reading: Reading[Found] = Reading()
    for path in sorted(folder.glob("*/*/*/*.mkv")):
        game = path.relative_to(folder).parent
        part, match = path.name.split("_")[0], f"{source}/{game.as_posix()}"
        id = f"{match}/{part}"
        reading.take(id, _found, id, path, folder, sport(game.parts[0]), match, part)
    return reading


def labels(source: str, folder: Path, found: Sequence[Video], sport: SportOf) -> Reading[Label]:
    """Labels of every match that has a video or a file of labels."""
    reading: Reading[Label] = Reading()
    files = {path.parent.relative_to(folder) for path in folder.glob("*/*/*/Labels-v2.json")}
    matches = ready_questions.by_part(found)
    games = files | {Path(match).relative_to(source) for match in matches}
    for game in sorted(games):
        match = f"{source}/{game.as_posix()}"
        halves = matches.get(match, {})
        file, kind = folder / game / "Labels-v2.json", SPORTS[sport(game.parts[0])]
        reading.add(labels_v2.read(file, match, kind, halves))
    return reading


def speech(source: str, folder: Path, found: Sequence[Video]) -> Reading[Speech]:
    """Commentary of every half that has any: many real halves have none."""
    reading: Reading[Speech] = Reading()
    halves = {video.id: video for video in found}
    for file in sorted(folder.glob("*/*/*/[12]_asr.json")):
        game = file.parent.relative_to(folder).as_posix()
        id = f"{source}/{game}/{file.name[0]}"
        if id in halves:
            reading.add(echoes.read(file, halves[id], file.name))
        else:
            why = BadInput(file, "its half has no readable video", "fetch the video again")
            reading.faults.append(Fault(f"{id}/{file.name}", why))
    return reading


def _found(id: str, path: Path, folder: Path, sport: str, match: str, part: str) -> Found:
    if part not in ("1", "2"):
        raise BadInput(path, f"{part!r} is no half", "name it 1_224p.mkv or 2_224p.mkv")
    if sport not in SPORTS:
        raise BadInput(path, f"no sport is called {sport!r}", f"choose among {', '.join(SPORTS)}")
    return Found(id, path.relative_to(folder), sport, match, part)
