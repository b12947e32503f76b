"""Where SoccerNet's files lie: the Hugging Face data sets that its package 0.2.0 downloads from.

Labels, captions and videos are in `SoccerNet/...` data sets, one folder `league/season/game` each;
the videos of one resolution are a branch. Videos need an account that SoccerNet has let in after
its NDA; `HF_TOKEN` holds that account's token. The drive that served them before takes the NDA's
password (`SOCCERNET_PASSWORD`) and is being shut down, as the package says.
"""

import os
from collections.abc import Sequence
from urllib.parse import quote

from touchline.errors import BadInput
from touchline.sources.fetch import Wanted

HUB = "https://huggingface.co"  # another one: HF_ENDPOINT, as Hugging Face's own library has it
DRIVE = "exrcsdrive.kaust.edu.sa/public.php/webdav"
SHARE = "MKmZigARdGSoaTT"  # public name of the folder of 224p videos there
TOKEN, PASSWORD = "HF_TOKEN", "SOCCERNET_PASSWORD"
LABELS, VIDEO = "SoccerNet/SN-Labels", "SoccerNet/SoccerNet_raw_HQ"
CHALLENGE = "SoccerNet/SoccerNet_raw_HQ_Challenge"
HALVES = ("1_224p.mkv", "2_224p.mkv")


def labels(games: Sequence[str]) -> list[Wanted]:
    """`Labels-v2.json` of games `league/season/game`; the challenge games have none."""
    return [_on_hub(LABELS, "main", f"{_safe(game)}/Labels-v2.json") for game in games]


def captions(games: Sequence[str]) -> list[Wanted]:
    """`Labels-caption.json`; of the 500 games, 471 have one."""
    return [_on_hub(LABELS, "main", f"{_safe(game)}/Labels-caption.json") for game in games]


def videos(games: Sequence[str], challenge: bool = False) -> list[Wanted]:
    """Both halves of games at 224 pixels, 25 frames per second; `challenge`: of that split."""
    repository = CHALLENGE if challenge else VIDEO
    return [
        _on_hub(repository, "videos-224p", f"{_safe(game)}/{half}")
        for game in games
        for half in HALVES
    ]


PARTS = {"labels": labels, "captions": captions, "videos": videos}


def parts(names: Sequence[str], games: Sequence[str]) -> list[Wanted]:
    """The named parts of games; games of which the data set lacks a part end in a `BadInput`."""
    return [one for name in names for one in PARTS[name](games)]


def videos_from_drive(games: Sequence[str]) -> list[Wanted]:
    """The same halves from the drive that is being shut down, for holders of the password alone."""
    return [
        Wanted(
            f"{_safe(game)}/{half}",
            (f"https://{SHARE}@{DRIVE}/video_224p/{quote(game)}/{half}",),
            "",
            0,
            PASSWORD,
        )
        for game in games
        for half in HALVES
    ]


def _on_hub(repository: str, branch: str, path: str) -> Wanted:
    hub = os.environ.get("HF_ENDPOINT", HUB).rstrip("/")
    url = f"{hub}/datasets/{repository}/resolve/{branch}/{quote(path)}"
    return Wanted(path, (url,), "", 0, TOKEN)


def _safe(game: str) -> str:
    if game.count("/") != 2:
        raise BadInput(repr(game), "is no game", "write it as league/season/game")
    return game
