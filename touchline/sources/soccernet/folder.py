"""SoccerNet's game folders on disk: fetch and copy them, list the games, read the splits."""

import shutil
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from touchline.atomic import atomic_file
from touchline.config import Params
from touchline.errors import InputError
from touchline.progress import track_progress
from touchline.raw_data import describe_missing_folder, resolve_raw_path
from touchline.sources.fetch import fetch_files
from touchline.sources.readers import load_json_file
from touchline.sources.soccernet import hub
from touchline.video.workers import map_jobs

SPLITS = "splits.json"
HOME, HUB = "https://www.soccer-net.org", "https://huggingface.co/SoccerNet"
ACCESS = "After SoccerNet's NDA: an account that it has let in; HF_TOKEN holds the account's token."


class SoccerNetGamesSettings(Params):
    """Settings shared by the SoccerNet sources: which games, where their files are, and how long a
    half without a video may be.
    """

    folder: str = Field(min_length=1)  # of games; relative: below the raw data
    splits: str  # a file in it that lists games by split; "" when none does
    names: dict[str, Literal["train", "val", "test"]]  # what its splits are called here
    half_minutes: tuple[int, int]  # a half whose video is not here lasts at least, at most
    fetch: list[Literal["labels", "captions", "videos"]]  # from SoccerNet's own data sets
    connections: int = Field(ge=1)  # at once


CopyJob = tuple[Path, Path, Sequence[str]]  # from, to, names of the files


def locate_data_folder(setting: str, place: str, pattern: str) -> Path:
    """Return the configured folder. Raises InputError if it is missing or nothing in it matches the
    pattern; `place` is the setting's key for the message.
    """
    root = resolve_raw_path(setting)
    if not root.is_dir():
        raise InputError(root, "is missing", describe_missing_folder(place))
    if next(root.glob(pattern), None) is None:
        raise InputError(root, f"holds no {pattern}", f"set {place} to the data")
    return root


def prepare_games(
    name: str, settings: SoccerNetGamesSettings, needed: str, folder: Path
) -> tuple[Path, list[str]]:
    """Fetch the parts listed in the `fetch` setting into `folder`. Returns (the user's folder, the
    games to read).

    Fetched are the games of the splits in the `names` setting. Raises InputError if no split file
    lists games or, with nothing to fetch, if the user's folder holds no `needed` file.
    """
    place = f"download.sources.{name}"
    if not settings.fetch:
        root = locate_data_folder(settings.folder, f"{place}.folder", f"*/*/*/{needed}")
        return root, list_game_folders(root)
    root = resolve_raw_path(settings.folder)
    if not settings.splits or not (root / settings.splits).is_file():
        remedy = f"set {place}.splits to a list of them"
        raise InputError(root / settings.splits, "lists no games to fetch", remedy)
    games_by_split = load_json_file(root / settings.splits, "", dict)
    games = sorted(
        {game for split in settings.names for game in _iterate_games(games_by_split.get(split), "")}
    )
    fetch_files(hub.request_game_parts(settings.fetch, games), folder, settings.connections)
    return root, games


def list_copied_files(
    settings: SoccerNetGamesSettings, files_by_part: dict[str, Sequence[str]]
) -> list[str]:
    """Return the names of the files to copy from the user's folder: those of the parts that are not
    fetched.
    """
    return [
        name
        for part, names in files_by_part.items()
        if part not in settings.fetch
        for name in names
    ]


def list_game_folders(folder: Path) -> list[str]:
    """Return `league/season/game` of every game folder, sorted."""
    folders = (path for path in folder.glob("*/*/*") if path.is_dir())
    return sorted(path.relative_to(folder).as_posix() for path in folders)


def copy_games(executor: Executor, jobs: Sequence[CopyJob]) -> None:
    """Copy the existing files of all games, one job per game."""
    for _ in track_progress(map_jobs(executor, copy_game_files, jobs), "copy", total=len(jobs)):
        pass


def copy_game_files(origin: Path, target: Path, names: Sequence[str]) -> int:
    """Copy those of the named files that exist, each atomically. Returns their number."""
    existing = [name for name in names if (origin / name).is_file()]
    for name in existing:
        with atomic_file(target / name) as draft:
            shutil.copyfile(origin / name, draft)
    return len(existing)


def copy_splits_file(root: Path, name: str, folder: Path) -> None:
    """Copy the split file `name` into `folder`, after checking that it is valid JSON; nothing if
    `name` is empty.
    """
    if not name:
        return
    load_json_file(root / name, "", dict)
    with atomic_file(folder / SPLITS) as draft:
        shutil.copyfile(root / name, draft)


def read_match_splits(source: str, folder: Path, names: dict[str, str]) -> dict[str, str]:
    """Return {match: split} for the splits that `names` translates; {} without a split file.

    A split is a list of games or, as in SoccerNet's own files, {league: {season: [game]}}. Raises
    InputError if a game is in two splits.
    """
    file = folder / SPLITS
    if not file.is_file():
        return {}
    split_by_match: dict[str, str] = {}
    for split, content in load_json_file(file, "", dict).items():
        for game in _iterate_games(content, "") if split in names else ():
            if split_by_match.setdefault(f"{source}/{game}", names[split]) != names[split]:
                raise InputError(f"{file}: {split}", f"{game} stands in two splits", "take one out")
    return split_by_match


def _iterate_games(content: Any, above: str) -> Iterator[str]:
    if isinstance(content, dict):
        for name, below in content.items():
            yield from _iterate_games(below, f"{above}{name}/")
    elif isinstance(content, list):
        for game in content:
            yield f"{above}{str(game).strip('/')}"
