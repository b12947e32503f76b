"""SoccerNet's folders as they lie on a disk: copy them, list their games, read their splits."""

import shutil
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from touchline.atomic import whole_file
from touchline.config import Params
from touchline.errors import BadInput
from touchline.progress import track
from touchline.sources.fetch import fetch
from touchline.sources.folder import located
from touchline.sources.readers import load
from touchline.sources.soccernet import hub
from touchline.video.workers import each

SPLITS = "splits.json"
HOME, HUB = "https://www.soccer-net.org", "https://huggingface.co/SoccerNet"
ACCESS = "After SoccerNet's NDA: an account that it has let in; HF_TOKEN holds the account's token."


class Games(Params):
    """Which games, where their files are, and how long a half is without its video."""

    folder: str = Field(min_length=1)  # of games; relative: below $TOUCHLINE_ROOT
    splits: str  # a file in it that lists games by split; "" when none does
    names: dict[str, Literal["train", "val", "test"]]  # what its splits are called here
    half_minutes: tuple[int, int]  # a half whose video is not here lasts at least, at most
    fetch: list[Literal["labels", "captions", "videos"]]  # from SoccerNet's own data sets
    connections: int = Field(ge=1)  # at once


Job = tuple[Path, Path, Sequence[str]]  # from, to, names of the files


def origin(setting: str, place: str, pattern: str) -> Path:
    """The folder that a setting names; a `BadInput` when nothing in it matches the pattern."""
    root = located(setting)
    if not root.is_dir():
        raise BadInput(root, "is missing", f"set {place} to the data")
    if next(root.glob(pattern), None) is None:
        raise BadInput(root, f"holds no {pattern}", f"set {place} to the data")
    return root


def gathered(name: str, given: Games, needed: str, folder: Path) -> tuple[Path, list[str]]:
    """The user's folder and the games to read; parts that are to be fetched are, into `folder`.

    Fetched are the games of the splits that `names` translates. Raises `BadInput` when nothing
    lists them or, with nothing to fetch, when the user's folder holds no file `needed`.
    """
    place = f"download.sources.{name}"
    if not given.fetch:
        root = origin(given.folder, f"{place}.folder", f"*/*/*/{needed}")
        return root, games_in(root)
    root = located(given.folder)
    if not given.splits or not (root / given.splits).is_file():
        remedy = f"set {place}.splits to a list of them"
        raise BadInput(root / given.splits, "lists no games to fetch", remedy)
    every = load(root / given.splits, "", dict)
    games = sorted({game for split in given.names for game in _listed(every.get(split), "")})
    fetch(hub.parts(given.fetch, games), folder, given.connections)
    return root, games


def kept(given: Games, named: dict[str, Sequence[str]]) -> list[str]:
    """The files of those parts that are not fetched: they come from the user's folder."""
    return [name for part, names in named.items() if part not in given.fetch for name in names]


def games_in(folder: Path) -> list[str]:
    """`league/season/game` of every game folder, in order of name."""
    found = (path for path in folder.glob("*/*/*") if path.is_dir())
    return sorted(path.relative_to(folder).as_posix() for path in found)


def copy(executor: Executor, jobs: Sequence[Job]) -> None:
    """Copy what is there of each game, a game per job."""
    for _ in track(each(executor, copy_game, jobs), "copy", total=len(jobs)):
        pass


def copy_game(origin: Path, target: Path, names: Sequence[str]) -> int:
    """Copy those of the named files that are there, each whole or not at all; how many."""
    found = [name for name in names if (origin / name).is_file()]
    for name in found:
        with whole_file(target / name) as draft:
            shutil.copyfile(origin / name, draft)
    return len(found)


def copy_splits(root: Path, name: str, folder: Path) -> None:
    if not name:
        return
    load(root / name, "", dict)
    with whole_file(folder / SPLITS) as draft:
        shutil.copyfile(root / name, draft)


def stated(source: str, folder: Path, names: dict[str, str]) -> dict[str, str]:
    """match -> split, of the splits that `names` translates; {} when no file states any.

    A split is a list of games or, as in SoccerNet's own lists, {league: {season: [game]}}. Raises
    `BadInput` when a game stands in two splits.
    """
    file = folder / SPLITS
    if not file.is_file():
        return {}
    found: dict[str, str] = {}
    for split, content in load(file, "", dict).items():
        for game in _listed(content, "") if split in names else ():
            if found.setdefault(f"{source}/{game}", names[split]) != names[split]:
                raise BadInput(f"{file}: {split}", f"{game} stands in two splits", "take one out")
    return found


def _listed(content: Any, above: str) -> Iterator[str]:
    if isinstance(content, dict):
        for name, below in content.items():
            yield from _listed(below, f"{above}{name}/")
    elif isinstance(content, list):
        for game in content:
            yield f"{above}{str(game).strip('/')}"
