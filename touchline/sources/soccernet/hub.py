"""Download requests for SoccerNet's files: the Hugging Face datasets that its package 0.2.0
downloads from.

Labels, captions and videos are in `SoccerNet/...` datasets, in folders `league/season/game`; the
videos of one resolution are a branch. Videos need an account that SoccerNet has approved after its
NDA, and that account's token in `HF_TOKEN`. The older drive takes the NDA's password
(`SOCCERNET_PASSWORD`) and is being shut down, as the package says.
"""

import os
from collections.abc import Sequence
from urllib.parse import quote

from touchline.errors import InputError
from touchline.sources.fetch import FileRequest

HUB = "https://huggingface.co"  # another one: HF_ENDPOINT, as Hugging Face's own library has it
DRIVE = "exrcsdrive.kaust.edu.sa/public.php/webdav"
SHARE = "MKmZigARdGSoaTT"  # public name of the folder of 224p videos there
TOKEN, PASSWORD = "HF_TOKEN", "SOCCERNET_PASSWORD"
LABELS, VIDEO = "SoccerNet/SN-Labels", "SoccerNet/SoccerNet_raw_HQ"
CHALLENGE_REPOSITORY = "SoccerNet/SoccerNet_raw_HQ_Challenge"
HALVES = ("1_224p.mkv", "2_224p.mkv")


def request_label_files(games: Sequence[str]) -> list[FileRequest]:
    """Build the requests for `Labels-v2.json` of games `league/season/game`; the challenge games
    have none.
    """
    return [
        _hub_request(LABELS, "main", f"{_check_game_path(game)}/Labels-v2.json") for game in games
    ]


def request_caption_files(games: Sequence[str]) -> list[FileRequest]:
    """Build the requests for `Labels-caption.json`; 471 of the 500 games have one."""
    return [
        _hub_request(LABELS, "main", f"{_check_game_path(game)}/Labels-caption.json")
        for game in games
    ]


def request_video_files(games: Sequence[str], challenge: bool = False) -> list[FileRequest]:
    """Build the requests for both halves at 224 pixels, 25 frames per second; set `challenge` for
    games of that split.
    """
    repository = CHALLENGE_REPOSITORY if challenge else VIDEO
    return [
        _hub_request(repository, "videos-224p", f"{_check_game_path(game)}/{half}")
        for game in games
        for half in HALVES
    ]


REQUESTS_BY_PART = {
    "labels": request_label_files,
    "captions": request_caption_files,
    "videos": request_video_files,
}


def request_game_parts(names: Sequence[str], games: Sequence[str]) -> list[FileRequest]:
    """Build the requests for the named parts (labels, captions, videos). If the dataset lacks a
    file, fetching it raises InputError.
    """
    return [request for name in names for request in REQUESTS_BY_PART[name](games)]


def request_videos_from_drive(games: Sequence[str]) -> list[FileRequest]:
    """Build the requests for the same videos on the older drive, which needs only the NDA's
    password.
    """
    return [
        FileRequest(
            f"{_check_game_path(game)}/{half}",
            (f"https://{SHARE}@{DRIVE}/video_224p/{quote(game)}/{half}",),
            "",
            0,
            PASSWORD,
        )
        for game in games
        for half in HALVES
    ]


def _hub_request(repository: str, branch: str, path: str) -> FileRequest:
    hub = os.environ.get("HF_ENDPOINT", HUB).rstrip("/")
    url = f"{hub}/datasets/{repository}/resolve/{branch}/{quote(path)}"
    return FileRequest(path, (url,), "", 0, TOKEN)


def _check_game_path(game: str) -> str:
    if game.count("/") != 2:
        raise InputError(repr(game), "is not a game", "write it as league/season/game")
    return game
